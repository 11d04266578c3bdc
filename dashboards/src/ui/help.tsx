import { useSignal } from "@preact/signals";
import { help } from "../lib/keys";
import { markOfAnswer, markOfClass } from "../lib/marks";
import { Chip, Dialog } from "./parts";
import { helpOpen } from "./shell";
import { applyTheme, type Theme, theme } from "./theme";

const classes = [
  "regression",
  "build-failure",
  "fix",
  "flaky",
  "coverage-lost",
  "warning",
  "new-test",
  "infrastructure",
  "known",
];

export default function Help() {
  const chosen = useSignal<Theme>(theme());
  return (
    <Dialog title="Keys and marks" onClose={() => (helpOpen.value = false)} wide>
      <div class="help">
        <table>
          <caption>Keys; dead where you type</caption>
          <tbody>
            {help.map((line) => (
              <tr key={line.keys}>
                <th scope="row">
                  {line.keys.split(" ").map((k) => (
                    <kbd key={k}>{k}</kbd>
                  ))}
                </th>
                <td>
                  {line.does} <span class="soft">{line.where}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <div>
          <h3>Marks</h3>
          <ul class="marks">
            {classes.map((name) => (
              <li key={name}>
                <Chip mark={markOfClass(name)} />
              </li>
            ))}
            <li>
              <Chip
                mark={markOfAnswer({
                  answer: "equivalent",
                  kind: "",
                  leftTypical: 0,
                  rightTypical: 0,
                })}
              />{" "}
              <span class="soft">proved by an equivalence test</span>
            </li>
            <li>
              <Chip
                mark={markOfAnswer({
                  answer: "inconclusive",
                  kind: "",
                  leftTypical: 0,
                  rightTypical: 0,
                })}
              />{" "}
              <span class="soft">more pairs are needed</span>
            </li>
          </ul>
          <p class="soft">▼ is worse and ▲ better for the series, whatever way the number went.</p>
          <p class="soft">
            Squares: without and with HIGHMEM. ■ bad with the series only, ◧ bad with and without
            it, □ fine, ▲ mended.
          </p>
          <fieldset>
            <legend>Colours</legend>
            {(["auto", "light", "dark"] as const).map((one) => (
              <label key={one} class="choice">
                <input
                  type="radio"
                  name="theme"
                  checked={chosen.value === one}
                  onChange={() => {
                    chosen.value = one;
                    applyTheme(one);
                  }}
                />
                {one === "auto" ? "as the computer has it" : one}
              </label>
            ))}
          </fieldset>
        </div>
      </div>
    </Dialog>
  );
}
