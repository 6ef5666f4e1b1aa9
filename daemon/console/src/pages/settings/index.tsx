import { Page } from "../../components/shell";
import { TabPanel, Tabs } from "../../components/ui/tabs";
import { navigate } from "../../state/router";
import { About } from "./about";
import { Appearance } from "./appearance";
import { Gateway } from "./gateway";
import { Providers } from "./providers";
import { Tokens } from "./tokens";

const SECTIONS = [
  { id: "providers", label: "AI providers" },
  { id: "gateway", label: "AI gateway" },
  { id: "tokens", label: "Tokens" },
  { id: "appearance", label: "Appearance" },
  { id: "about", label: "This labd" },
];

export default function Settings({ section }: { section: string }) {
  const chosen = SECTIONS.some((each) => each.id === section) ? section : "providers";
  return (
    <Page title="Settings">
      <Tabs
        label="Settings"
        value={chosen}
        onChange={(next) => navigate(`/settings/${next}`, { replace: true })}
        tabs={SECTIONS}
      >
        <TabPanel value="providers" className="pt-5">
          <Providers />
        </TabPanel>
        <TabPanel value="gateway" className="pt-5">
          <Gateway />
        </TabPanel>
        <TabPanel value="tokens" className="pt-5">
          <Tokens />
        </TabPanel>
        <TabPanel value="appearance" className="pt-5">
          <Appearance />
        </TabPanel>
        <TabPanel value="about" className="pt-5">
          <About />
        </TabPanel>
      </Tabs>
    </Page>
  );
}
