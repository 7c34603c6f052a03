import "./styles/base.css";
import "./styles/pieces.css";
import "./styles/frame.css";
import "./styles/agent.css";
import "./theme.ts";
import { render } from "preact";
import { App } from "./app.tsx";
import "./phone/control.ts";
import { begin } from "./store.ts";
import { listen } from "./ui/keys.ts";

listen();
void begin();
render(<App />, document.getElementById("app") as HTMLElement);
