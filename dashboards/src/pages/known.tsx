// Known issues: what is no news, how it was used, and what an edit changes before it is saved.
import { useSignal } from "@preact/signals";
import { api, problem } from "../api/client";
import { useResource } from "../api/resource";
import type { KnownUse } from "../gen/kiln/v1/review_pb";
import { matches, parseFilter } from "../lib/filter";
import { count } from "../lib/format";
import { knownSentence } from "../lib/known";
import { command } from "../lib/quote";
import { safeLink, to } from "../lib/route";
import { fieldsOf, KnownForm } from "../ui/known_form";
import { NothingMatches } from "../ui/nothing";
import { Act, Dialog, Empty, FilterBox, Head, Panel, Time } from "../ui/parts";
import { mayNot, query, say, setQuery, usePage } from "../ui/shell";
import "../styles/review.css";

const keys = ["test", "config", "state", "author", "machine"] as const;

function stateOf(use: KnownUse): string {
  if (use.filter?.removed) return "removed";
  if (use.expired) return "expired";
  if (use.proposeRemoval) return "unused";
  return "in force";
}

const fields = (use: KnownUse) => ({
  test: use.filter?.test ?? "",
  config: use.filter?.config ?? "",
  state: stateOf(use),
  author: use.filter?.author ?? "",
  machine: use.filter?.machine ?? "",
  reason: use.filter?.reason ?? "",
});

export default function Known() {
  const q = query.value.get("q") ?? "";
  const removed = query.value.get("removed") === "1";
  const filter = parseFilter(q, keys);
  const resource = useResource(
    `known/${removed}`,
    (signal) => api.review.listKnown({ withRemoved: removed }, { signal }),
    {
      kinds: ["known", "run"],
    },
  );
  const editing = useSignal<KnownUse | "new" | undefined>(undefined);
  usePage("Known issues", [
    command(
      removed ? "kiln known list --removed" : "kiln known list",
      ...(q ? ["--where", q] : []),
    ),
    "kiln known audit",
  ]);
  const remove = async (use: KnownUse) => {
    const id = use.filter!.id;
    try {
      const reply = await api.review.changeKnown({ filter: { id }, remove: true });
      say(
        `Known issue ${id} is out of force: ${count(reply.changes.length, "finding", "findings")} changed`,
        () => {
          const { $typeName: _, removed: __, ...again } = use.filter!;
          api.review.changeKnown({ filter: { ...again, id: 0n } }).then(
            () => {
              say(`It is in force again, as a new one`);
              resource.reload();
            },
            (error) => say(`Not undone: ${problem(error).detail}`),
          );
        },
      );
    } catch (error) {
      const p = problem(error);
      say(`Not removed: ${p.detail || p.title}`);
    }
    resource.reload();
  };
  const open = editing.value;
  return (
    <>
      <Head
        side={
          <>
            <FilterBox value={q} problems={filter.problems} hint="test:gem_* state:unused" />
            <Act kind="main" why={mayNot("keeper")} onPress={() => (editing.value = "new")}>
              New
            </Act>
          </>
        }
      >
        Known issues
      </Head>
      <section aria-label="Known issues">
        <Panel resource={resource} what="the known issues" command="kiln known list" rows={5}>
          {(data) => {
            const rows = data.filters.filter((use) => matches(filter, fields(use)));
            if (data.filters.length === 0)
              return (
                <Empty>
                  <strong>Nothing is known</strong>
                  <span>
                    Every difference is news. In the <a href="/review">review</a>, <kbd>a</kbd>{" "}
                    accepts one as known.
                  </span>
                </Empty>
              );
            if (rows.length === 0)
              return <NothingMatches q={q} rows={data.filters.map(fields)} filterKeys={keys} />;
            return rows.map((use) => (
              <Row
                key={String(use.filter?.id)}
                use={use}
                edit={() => (editing.value = use)}
                remove={() => void remove(use)}
              />
            ));
          }}
        </Panel>
        <label class="choice">
          <input
            type="checkbox"
            checked={removed}
            onChange={() => setQuery("removed", removed ? "" : "1")}
          />
          removed ones, too
        </label>
      </section>
      {open ? (
        <Dialog
          wide
          title={open === "new" ? "A new known issue" : `Known issue ${open.filter?.id}`}
          onClose={() => (editing.value = undefined)}
        >
          <KnownForm
            id={open === "new" ? 0n : (open.filter?.id ?? 0n)}
            start={open === "new" ? {} : fieldsOf(open.filter!)}
            author={open === "new" ? "" : (open.filter?.author ?? "")}
            draftKey={open === "new" ? "new" : String(open.filter?.id)}
            cancel={() => (editing.value = undefined)}
            saved={(_, says) => {
              editing.value = undefined;
              say(says);
              resource.reload();
            }}
          />
        </Dialog>
      ) : null}
    </>
  );
}

function Row({ use, edit, remove }: { use: KnownUse; edit: () => void; remove: () => void }) {
  const audit = useSignal(false);
  const f = use.filter!;
  const state = stateOf(use);
  const link = safeLink(f.link);
  return (
    <div class="finding">
      <h2>
        <span class="soft">{String(f.id)}</span> {knownSentence(fieldsOf(f))}
      </h2>
      <p class="words">
        {f.reason}{" "}
        {link ? (
          <a href={link} target="_blank" rel="noopener noreferrer">
            {link}
          </a>
        ) : (
          f.link
        )}
      </p>
      <p class="soft">
        {state !== "in force" ? (
          <strong>
            {state === "unused" ? "△ matched nothing for long: remove it? " : `${state}. `}
          </strong>
        ) : null}
        {f.author}, <Time time={f.created} /> ·{" "}
        {use.lastRun > 0n ? (
          <>
            last matched in <a href={to.run(use.lastRun)}>run {String(use.lastRun)}</a>,{" "}
            {count(use.findings, "finding", "findings")} in all
          </>
        ) : (
          "never matched"
        )}
        {use.runsSince > 0 ? `, ${count(use.runsSince, "run", "runs")} since` : ""}
      </p>
      <p class="row">
        {f.removed ? null : (
          <>
            <Act why={mayNot("keeper")} onPress={edit}>
              Edit
            </Act>
            <Act why={mayNot("keeper")} onPress={remove}>
              Remove
            </Act>
          </>
        )}
        <button
          type="button"
          class="plain"
          aria-expanded={audit.value}
          onClick={() => (audit.value = !audit.value)}
        >
          who changed it
        </button>
      </p>
      {audit.value ? <Audit id={f.id} /> : null}
    </div>
  );
}

function Audit({ id }: { id: bigint }) {
  const resource = useResource(
    `known-audit/${id}`,
    (signal) => api.review.auditKnown({ filterId: id, limit: 50 }, { signal }),
    {
      kinds: ["known"],
    },
  );
  return (
    <Panel resource={resource} what="who changed it" rows={2}>
      {(data) => (
        <ul>
          {data.entries.map((e) => (
            <li key={String(e.id)}>
              <Time time={e.time} /> {e.who} {e.action} it;{" "}
              {count(e.findings, "finding", "findings")} in {count(e.runs, "run", "runs")} changed
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
