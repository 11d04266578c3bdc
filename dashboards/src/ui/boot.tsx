// A kernel of a run on a machine that one holds.
import { useSignal } from "@preact/signals";
import { command } from "../lib/quote";
import { Act, Command, Dialog, Field } from "./parts";

export interface BootWish {
  machine: string;
  runId: bigint;
  cell: string;
}

/** "" = the last that did well. */
function runOf(text: string): bigint | undefined {
  if (text.trim() === "") return 0n;
  return /^[1-9]\d{0,17}$/.test(text.trim()) ? BigInt(text.trim()) : undefined;
}

export function Boot({
  machine,
  close,
  take,
}: {
  machine: string;
  close: () => void;
  take: (wish: BootWish) => void;
}) {
  const run = useSignal("");
  const cell = useSignal("");
  const runId = runOf(run.value);
  const why =
    runId === undefined
      ? "a run's number, or nothing"
      : cell.value.trim() && runId === 0n
        ? "a cell is one of a run"
        : "";
  const go = () => {
    if (!why && runId !== undefined) take({ machine, runId, cell: cell.value.trim() });
  };
  return (
    <Dialog title={`Boot ${machine}`} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go();
        }}
      >
        <p>
          It stays up until you give the machine back. What runs there now is switched off first.
        </p>
        <Field label="Whose kernel: a run's number, or nothing for the last that did well">
          <input
            data-first
            inputMode="numeric"
            value={run.value}
            maxLength={18}
            onInput={(event) => (run.value = event.currentTarget.value)}
          />
        </Field>
        <Field label="Which: patched/i386-highmem, or nothing for its first patched">
          <input
            value={cell.value}
            maxLength={100}
            onInput={(event) => (cell.value = event.currentTarget.value)}
          />
        </Field>
        <p class="row">
          <Act kind="main" why={why} onPress={go}>
            Boot it
          </Act>
        </p>
        <Command
          text={command(
            "kiln boot",
            machine,
            ...(run.value.trim() ? ["--run", run.value.trim()] : []),
            ...(cell.value.trim() ? ["--cell", cell.value.trim()] : []),
          )}
        />
      </form>
    </Dialog>
  );
}
