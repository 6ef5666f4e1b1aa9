import type { Route } from "../../state/router";
import { NewSource } from "./new";
import { SourceList } from "./list";
import { SourcePage } from "./source";

export default function Sources({ route }: { route: Route }) {
  switch (route.page) {
    case "source-new":
      return <NewSource />;
    case "source":
      return <SourcePage key={route.id} id={route.id} />;
    default:
      return <SourceList />;
  }
}
