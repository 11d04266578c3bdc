// A known issue's form; what it changes in stored runs is shown before it can be saved.
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, problem } from "../api/client";
import { type KnownFilter, KnownFilterSchema } from "../gen/kiln/v1/report_pb";
import type { ChangeKnownReply } from "../gen/kiln/v1/review_pb";
import { count, dateOf } from "../lib/format";
import { type KnownFields, knownCommand, knownSentence, missing, outcomesOf } from "../lib/known";
import { markOfClass } from "../lib/marks";
import type { Problem } from "../lib/problem";
import { Act, Chip, Command, Fault, Field } from "./parts";
import { draft, mayNot, me } from "./shell";

export function fieldsOf(filter: KnownFilter): KnownFields {
  return {
    machine: filter.machine,
    tag: filter.tag,
    config: filter.config,
    test: filter.test,
    outcomes: filter.outcomes.join(", "),
    signature: filter.signature,
    text: filter.text,
    reason: filter.reason,
    link: filter.link,
    expires: dateOf(filter.expires)?.toISOString().slice(0, 10) ?? "",
  };
}

function message(id: bigint, f: KnownFields, author: string): KnownFilter {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(f.expires)
    ? new Date(`${f.expires}T23:59:59Z`)
    : undefined;
  return create(KnownFilterSchema, {
    id,
    machine: f.machine.trim(),
    tag: f.tag.trim(),
    config: f.config.trim(),
    test: f.test.trim(),
    outcomes: outcomesOf(f.outcomes),
    signature: f.signature.trim(),
    text: f.text,
    author,
    reason: f.reason.trim(),
    link: f.link.trim(),
    expires: day ? timestampFromDate(day) : undefined,
  });
}

const none: KnownFields = {
  machine: "",
  tag: "",
  config: "",
  test: "",
  outcomes: "",
  signature: "",
  text: "",
  reason: "",
  link: "",
  expires: "",
};

export function KnownForm({
  id = 0n,
  start,
  draftKey,
  author = "",
  cancel,
  saved,
}: {
  id?: bigint;
  start: Partial<Omit<KnownFields, "outcomes">> & { outcomes?: string[] | string };
  draftKey: string;
  author?: string;
  cancel: () => void;
  saved: (id: bigint, says: string) => void;
}) {
  // Whose it is stays so when somebody else edits it.
  const by = author || me.value?.name || "local";
  const kept = draft(`known/${draftKey}`);
  const begin = (): KnownFields => {
    const text = kept.read();
    if (text) {
      try {
        return { ...none, ...(JSON.parse(text) as Partial<KnownFields>) };
      } catch {
        // A draft of another time: the finding's own words, then.
      }
    }
    const inDays = new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10);
    const outcomes = Array.isArray(start.outcomes)
      ? start.outcomes.join(", ")
      : (start.outcomes ?? "");
    return { ...none, expires: id === 0n ? inDays : "", ...start, outcomes };
  };
  const fields = useSignal<KnownFields>(begin());
  const preview = useSignal<ChangeKnownReply | undefined>(undefined);
  const fault = useSignal<Problem | undefined>(undefined);
  const looking = useSignal(true);
  const saving = useSignal(false);
  const f = fields.value;
  const key = JSON.stringify(f);
  const gaps = missing(f);
  useEffect(() => {
    if (missing({ ...f, reason: "x" })) {
      preview.value = undefined;
      looking.value = false;
      return;
    }
    looking.value = true;
    const own = new AbortController();
    const timer = setTimeout(() => {
      const asked = message(id, { ...f, reason: f.reason || "-" }, by);
      api.review.previewKnown({ filter: asked }, { signal: own.signal }).then(
        (reply) => {
          preview.value = reply;
          fault.value = undefined;
          looking.value = false;
        },
        (error) => {
          if (own.signal.aborted) return;
          preview.value = undefined;
          fault.value = problem(error);
          looking.value = false;
        },
      );
    }, 250);
    return () => {
      clearTimeout(timer);
      own.abort();
    };
  }, [key]);
  const set = (name: keyof KnownFields, value: string) => {
    fields.value = { ...fields.value, [name]: value };
    kept.write(JSON.stringify(fields.value));
  };
  const why =
    mayNot("keeper") ||
    gaps ||
    (preview.value ? "" : looking.value ? "the preview is not there yet" : "no preview");
  const save = async () => {
    if (why || saving.value) return;
    saving.value = true;
    try {
      const reply = await api.review.changeKnown({ filter: message(id, f, by) });
      kept.write("");
      const n = reply.changes.length;
      saved(
        reply.after?.id ?? id,
        `Known issue ${reply.after?.id ?? ""} saved: ${count(n, "finding", "findings")} of ${count(reply.runsJudged, "run", "runs")} changed`,
      );
    } catch (error) {
      fault.value = problem(error);
    }
    saving.value = false;
  };
  const input = (name: keyof KnownFields, label: string, note?: string) => (
    <Field label={label} note={note}>
      <input
        value={f[name]}
        data-first={name === "reason" ? true : undefined}
        maxLength={name === "reason" ? 600 : 300}
        spellcheck={name === "reason"}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </Field>
  );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          void save();
        }
      }}
    >
      <p class="sentence">{knownSentence(f)}</p>
      <div class="fields">
        {input("test", "Test", "glob: igt@gem_mmap@*")}
        {input("config", "Config", "glob: *-nohighmem; empty = all")}
        {input("outcomes", "Ends as", "fail, dmesg-warn; empty = any")}
        {input("signature", "Kernel report", "glob over its signature")}
        {input("text", "Words", "RE2, in the reason or the kernel's words")}
        {input("machine", "Machine", "glob")}
        {input("tag", "Machine's tag", "glob")}
        <Field label="Until" note="that day included; empty = for ever">
          <input
            type="date"
            value={f.expires}
            onInput={(event) => set("expires", event.currentTarget.value)}
          />
        </Field>
        {input("link", "Link", "the bug's report")}
      </div>
      {input("reason", "Why it is no news")}
      <div class="preview" role="status" aria-label="Preview">
        {fault.value ? (
          <Fault problem={fault.value} what="the preview" />
        ) : preview.value ? (
          <Preview reply={preview.value} />
        ) : (
          <p class="soft">{looking.value ? "Looking at the stored runs" : gaps}</p>
        )}
      </div>
      <p class="row">
        <Act
          kind="main"
          k="Ctrl+Enter"
          why={saving.value ? "being saved" : why}
          onPress={() => void save()}
        >
          Save
        </Act>
        <Act onPress={cancel}>Cancel</Act>
      </p>
      <Command text={knownCommand(id, f)} />
    </form>
  );
}

export function Preview({ reply }: { reply: ChangeKnownReply }) {
  return (
    <>
      <p class={reply.onlyPatched > 0 ? "look-twice" : ""}>
        Covers {count(reply.matches, "bad result or report", "bad results and reports")} of{" "}
        {count(Number(reply.results), "result", "results")} in {count(reply.runs, "run", "runs")}.{" "}
        {reply.onlyPatched > 0 ? (
          <strong>
            ▼ Look twice: {reply.onlyPatched} of them {reply.onlyPatched === 1 ? "was" : "were"}{" "}
            seen with a series only.
          </strong>
        ) : null}
      </p>
      {reply.changes.length > 0 ? (
        <ul class="changes">
          {reply.changes.slice(0, 12).map((change) => (
            <li key={`${change.runId}/${change.finding}`}>
              <a href={`/finding/${change.runId}/${change.finding}`}>
                {String(change.runId)}/{change.finding}
              </a>{" "}
              {markOfClass(change.fromClass).word} → <Chip mark={markOfClass(change.toClass)} />{" "}
              <span class="soft">{change.tests.join(", ") || change.summary}</span>
              {change.onlyPatched ? <strong> with the series only</strong> : null}
            </li>
          ))}
          {reply.changes.length > 12 ? (
            <li class="soft">and {reply.changes.length - 12} more</li>
          ) : null}
        </ul>
      ) : (
        <p class="soft">No finding of a stored run changes its class.</p>
      )}
    </>
  );
}
