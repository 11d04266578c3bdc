import { render } from "preact";
import { App } from "./app";
import { startRouting } from "./ui/shell";
import { applyTheme } from "./ui/theme";
import "./styles/base.css";
import "./styles/parts.css";

applyTheme();
startRouting();
render(<App />, document.getElementById("app")!);
