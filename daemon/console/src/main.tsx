import { createRoot } from "react-dom/client";
import { App } from "./app";
import { begin, takeToken } from "./state/session";
import "./styles.css";

// Before anything is drawn, so that the token is gone from the address at once.
const session = begin(takeToken());

const root = document.getElementById("root");
if (root) createRoot(root).render(<App session={session} />);
