// Review: what needs a person, newest nights first. An empty page is the aim.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import { type Inbox, inbox, overlaid, overlay } from "../api/findings";
import { prefetch, useResource } from "../api/resource";
import type { FindingRow } from "../gen/kiln/v1/findings_pb";
import { causeOf, evidenceOf } from "../lib/cells";
import { matches, parseFilter } from "../lib/filter";
import { ago, count, dateOf, shortTest } from "../lib/format";
import {
  afterDecision,
  confidenceWords,
  filterKeys,
  filterRow,
  groups,
  isOpen,
  keyOf,
  split,
  step,
  titleOf,
  worstCounts,
} from "../lib/inbox";
import { markOfClass } from "../lib/marks";
import { command } from "../lib/quote";
import { to } from "../lib/route";
import { Decisions, mayNotDecide, useDecisions } from "../ui/decide";
import { NothingMatches } from "../ui/nothing";
import { Act, Chip, Empty, FilterBox, Head, Panel, Squares, Time } from "../ui/parts";
import { useDetails } from "../ui/row_details";
import { mayNot, me, navigate, query, useKeys, usePage } from "../ui/shell";
import "../styles/review.css";

/** Rows as they are to be shown: with what was just decided. */
function settled(rows: readonly FindingRow[], over: ReadonlyMap<string, string>): FindingRow[] {
  return rows.map((row) => {
    const state = over.get(keyOf(row));
    return state && isOpen(row) ? { ...row, state } : row;
  });
}

export default function ReviewPage() {
  const resource = useResource("inbox/all", inbox, {
    kinds: ["run", "finding", "known"],
  });
  const open = resource.data ? split(settled(resource.data.rows, overlay.value)).open.length : 0;
  const q = query.value.get("q") ?? "";
  usePage(titleOf(open), [command("kiln findings list", ...(q ? ["--where", q] : []))]);
  return (
    <>
      {resource.data === undefined ? <Head>Review</Head> : null}
      <Panel resource={resource} what="the findings" command="kiln findings list" rows={12}>
        {(data) => <List data={data} reload={resource.reload} />}
      </Panel>
    </>
  );
}

function List({ data, reload }: { data: Inbox; reload: () => void }) {
  const q = query.value.get("q") ?? "";
  const filter = parseFilter(q, filterKeys);
  const at = useSignal(query.value.get("at") ?? "");
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const allRows = useDetails(settled(data.rows, overlay.value));
  // Rows never move under the focus: what arrives waits for `.`, what is there is kept up to date.
  const taken = useSignal<ReadonlySet<string>>(new Set(data.rows.map(keyOf)));
  const arrived = allRows.filter((row) => !taken.value.has(keyOf(row)));
  const arrivedOpen = split(arrived).open;
  useEffect(() => {
    // What the list knows itself needs no overlay; else it would hide a row that somebody reopens.
    const done = data.rows.filter((r) => !isOpen(r) && overlay.value.has(keyOf(r))).map(keyOf);
    if (done.length > 0) overlaid(done, undefined);
    // Nothing is under the focus of an empty page: it takes what comes.
    if (
      split(settled(data.rows, overlay.value).filter((r) => taken.value.has(keyOf(r)))).open
        .length === 0
    )
      taken.value = new Set(data.rows.map(keyOf));
  }, [data]);
  const rows = allRows.filter((row) => taken.value.has(keyOf(row)));
  const parts = split(rows);
  const shown = parts.open.filter((row) => matches(filter, filterRow(row)));
  const grouped = groups(shown);
  const order = grouped.flatMap((g) => g.rows.map(keyOf));
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const focus = order.includes(at.value) ? at.value : "";
  const mine = shown.filter((r) => r.owner !== "" && r.owner === me.value?.name).length;
  const oldest = shown
    .map((r) => dateOf(r.finished))
    .filter((d): d is Date => d !== undefined)
    .sort((a, b) => a.getTime() - b.getTime())[0];

  const go = (key: string, keep = false) => {
    at.value = key;
    if (!keep)
      requestAnimationFrame(() => {
        const line = document.getElementById(`row-${key}`);
        line?.scrollIntoView({ block: "nearest" });
        line?.focus({ preventScroll: true });
      });
    // The next ones are there before they are asked for.
    const from = order.indexOf(key);
    for (const next of order.slice(from, from + 3)) {
      const run = byKey.get(next)?.runId;
      if (run !== undefined)
        void prefetch(`report/${run}`, (signal) => api.lab.getReport({ runId: run }, { signal }));
    }
  };
  const decided = (keys: string[]) => {
    const gone = new Set(keys);
    chosen.value = new Set([...chosen.value].filter((k) => !gone.has(k)));
    if (order.length > 0)
      go(afterDecision(order, gone, keys.includes(focus) ? focus : (keys[0] ?? "")));
  };
  const targets = () => {
    if (chosen.value.size > 0)
      return [...chosen.value]
        .map((k) => byKey.get(k))
        .filter((r): r is FindingRow => r !== undefined);
    const row = byKey.get(focus);
    return row ? [row] : [];
  };
  const after = { decided, changed: reload };
  const decisions = useDecisions(targets, data.stores, after);
  const toggle = (keys: string[]) => {
    const next = new Set(chosen.value);
    const all = keys.every((k) => next.has(k));
    for (const k of keys) {
      if (all) next.delete(k);
      else next.add(k);
    }
    chosen.value = next;
  };
  const take = () => {
    taken.value = new Set(data.rows.map(keyOf));
  };
  useKeys({
    j: () => go(step(order, focus, 1)),
    k: () => go(step(order, focus, -1)),
    J: () => go(step(order, focus, 1)),
    K: () => go(step(order, focus, -1)),
    Enter: () => open(byKey.get(focus)),
    o: () => open(byKey.get(focus)),
    x: () => focus && toggle([focus]),
    X: () => {
      const group = grouped.find((g) => g.rows.some((r) => keyOf(r) === focus));
      if (group) toggle(group.rows.map(keyOf));
    },
    l: () => {
      const row = byKey.get(focus);
      const found = row?.finding ? evidenceOf(row.finding.evidence) : undefined;
      if (row && found) navigate(to.log(row.runId, found.session, "console", found.line));
    },
    ".": take,
  });

  return (
    <>
      <Head
        side={
          <FilterBox
            value={q}
            problems={filter.problems}
            hint="class:regression config:*highmem test:gem_*"
          />
        }
      >
        Review{" "}
        <span class="soft head-note">
          {q
            ? `${shown.length} of ${parts.open.length} to decide`
            : `${parts.open.length} to decide`}
          {data.left > 0 ? `, and ${data.left} older ones` : ""}
          {mine > 0 ? ` · ${mine} mine` : ""}
          {oldest && shown.length > 0 ? ` · oldest ${ago(oldest, new Date())}` : ""}
        </span>
      </Head>
      {arrivedOpen.length > 0 ? (
        <p class="arrived">
          <button type="button" onClick={take}>
            {arrivedOpen.length} new<kbd aria-hidden="true">.</kbd>
          </button>
        </p>
      ) : null}
      <Toolbar
        n={targets().length}
        decisions={decisions}
        stores={data.stores}
        chosen={chosen.value.size}
      />
      {parts.open.length === 0 ? (
        <Done data={data} decided={parts.decided.length} />
      ) : shown.length === 0 ? (
        <NothingMatches q={q} rows={parts.open.map(filterRow)} filterKeys={filterKeys} />
      ) : (
        grouped.map((group) => (
          <section
            key={String(group.run)}
            class="night"
            aria-label={`Run ${group.run}, ${group.title}`}
          >
            <h2>
              <a href={to.run(group.run)}>{group.title}</a>{" "}
              <small>
                run {String(group.run)} ·{" "}
                {group.schedule ? `night of ${group.schedule}` : group.job} ·{" "}
                <Time time={group.rows[0]?.finished} /> ·{" "}
                {count(group.rows.length, "cause", "causes")}
              </small>
            </h2>
            <table class="inbox cards">
              <colgroup>
                {["pick", "what", "hm", "counts", "sure", "since", "strip-col", "whose"].map(
                  (c) => (
                    <col key={c} class={`col-${c}`} />
                  ),
                )}
              </colgroup>
              <thead class="for-ears">
                <tr>
                  <th>Chosen</th>
                  <th>What</th>
                  <th>HIGHMEM</th>
                  <th>Boots that are bad, with the series and without</th>
                  <th>How sure</th>
                  <th>Since</th>
                  <th>Runs before</th>
                  <th>Whose</th>
                </tr>
              </thead>
              <tbody>
                {group.rows.map((row) => (
                  <Line
                    key={keyOf(row)}
                    row={row}
                    focus={focus === keyOf(row)}
                    chosen={chosen.value.has(keyOf(row))}
                    onFocus={() => go(keyOf(row), true)}
                    onToggle={() => toggle([keyOf(row)])}
                  />
                ))}
              </tbody>
            </table>
          </section>
        ))
      )}
      <Rest parts={parts} />
      <Decisions after={after} />
    </>
  );
}

function open(row: FindingRow | undefined) {
  if (row?.finding) navigate(to.finding(row.runId, row.finding.id));
}

function Toolbar({
  n,
  chosen,
  stores,
  decisions,
}: {
  n: number;
  chosen: number;
  stores: boolean;
  decisions: ReturnType<typeof useDecisions>;
}) {
  const nothing = n === 0 ? "choose a finding with j and k first" : "";
  return (
    <div class="toolbar no-print" role="toolbar" aria-label="Decisions">
      <Act k="a" why={nothing || mayNot("keeper")} onPress={decisions.known}>
        Accept as known
      </Act>
      <Act k="r" why={nothing || mayNot("submitter")} onPress={decisions.rerun}>
        Run again
      </Act>
      <Act k="d" why={nothing || mayNotDecide(stores)} onPress={decisions.dismiss}>
        Dismiss
      </Act>
      <Act k="s" why={nothing || mayNotDecide(stores)} onPress={decisions.snooze}>
        Snooze
      </Act>
      <Act k="m" why={nothing || mayNotDecide(stores, "submitter")} onPress={decisions.mine}>
        Mine
      </Act>
      <span class="soft chosen-note">{chosen > 0 ? `${chosen} chosen` : ""}</span>
    </div>
  );
}

function since(row: FindingRow): string {
  const f = row.finding!;
  if (f.patch) return `patch ${f.patch}`;
  if (f.bisection.length > 0) return `bisected in ${f.bisection.length} steps`;
  return f.interaction || f.prior || f.summary;
}

function Strip({ row }: { row: FindingRow }) {
  if (row.strip.length === 0)
    return (
      <span class="soft">{row.timesSeen > 1 ? `seen in ${row.timesSeen} runs` : "first time"}</span>
    );
  const words = row.strip.map((cls) =>
    cls === "" ? "ok" : cls === "-" ? "not run" : markOfClass(cls).word,
  );
  return (
    <span
      class="strip"
      role="img"
      aria-label={`The last ${row.strip.length} runs: ${words.join(", ")}`}
      title={words.join(", ")}
    >
      {row.strip
        .map((cls) => (cls === "" ? "·" : cls === "-" ? "∅" : markOfClass(cls).glyph))
        .join("")}
    </span>
  );
}

function Line({
  row,
  focus,
  chosen,
  onFocus,
  onToggle,
}: {
  row: FindingRow;
  focus: boolean;
  chosen: boolean;
  onFocus: () => void;
  onToggle: () => void;
}) {
  const f = row.finding!;
  const key = keyOf(row);
  const mark = markOfClass(f.class);
  const fresh =
    row.seenBy.length === 0 ||
    (me.value?.name !== "" && !row.seenBy.includes(me.value?.name ?? ""));
  return (
    <tr
      id={`row-${key}`}
      class={`${focus ? "at" : ""} ${chosen ? "chosen" : ""} ${fresh ? "fresh" : ""}`}
      tabIndex={-1}
      aria-selected={chosen}
      onFocus={(event) => {
        if (event.target === event.currentTarget && !focus) onFocus();
      }}
      onClick={(event) => {
        if (!(event.target as Element).closest("a,button,input,label")) onFocus();
      }}
    >
      <td class="pick">
        <label>
          <span class="for-ears">Choose {f.test || f.summary}</span>
          <input type="checkbox" checked={chosen} onChange={onToggle} />
        </label>
      </td>
      <th scope="row" class="what">
        <Chip mark={mark} />{" "}
        <a href={to.finding(row.runId, f.id)} onFocus={onFocus}>
          <code>{f.test ? shortTest(f.test) : causeOf(f.kernel) || f.summary}</code>
        </a>
        {f.also.length > 0 ? <span class="soft"> +{f.also.length}</span> : null}
        {f.kernel.length > 0 && f.test ? (
          <div class="cause soft" title={causeOf(f.kernel)}>
            {causeOf(f.kernel)}
          </div>
        ) : null}
      </th>
      <td data-name="">
        <Squares finding={f} />
      </td>
      <td class="nowrap" data-name="bad boots">
        {worstCounts(row)}
      </td>
      <td class="num" data-name="sure">
        {confidenceWords(f.confidence)}
      </td>
      <td class="since" data-name="since" title={since(row)}>
        {since(row)}
      </td>
      <td class="nowrap" data-name="before">
        <Strip row={row} />
      </td>
      <td class="nowrap" data-name="whose">
        {row.owner || <span class="soft">–</span>}
      </td>
    </tr>
  );
}

function Done({ data, decided }: { data: Inbox; decided: number }) {
  return (
    <Empty>
      <strong>Nothing to decide</strong>
      <span>
        {decided > 0 ? `All ${decided} decided. ` : ""}
        {data.runs > 0 ? `The newest ${data.runs} runs show nothing that needs a person. ` : ""}
        <a href="/runs">Runs</a> · <a href="/queue">what comes next</a>
      </span>
    </Empty>
  );
}

/** What needs nobody here, and what was decided: folded, with its number. */
function Rest({ parts }: { parts: ReturnType<typeof split> }) {
  const show = (rows: FindingRow[], name: string) =>
    rows.length === 0 ? null : (
      <details>
        <summary>
          {rows.length} {name}
        </summary>
        <ul class="rest">
          {rows.slice(0, 200).map((row) => (
            <li key={keyOf(row)}>
              <Chip mark={markOfClass(row.finding?.class ?? "")} />{" "}
              <a href={to.finding(row.runId, row.finding?.id ?? "")}>
                <code>
                  {shortTest(
                    row.finding?.test ||
                      causeOf(row.finding?.kernel ?? []) ||
                      row.finding?.summary ||
                      "",
                  )}
                </code>
              </a>{" "}
              <span class="soft">
                run {String(row.runId)}
                {isOpen(row) ? "" : ` · ${row.state}`}
                {row.decision ? ` by ${row.decision.who}: ${row.decision.reason}` : ""}
              </span>
            </li>
          ))}
        </ul>
      </details>
    );
  const infra = parts.quiet.filter((r) => r.finding?.class === "infrastructure");
  const others = parts.quiet.filter((r) => r.finding?.class !== "infrastructure");
  return (
    <div class="rest-parts">
      {show(parts.decided, "decided")}
      {show(others, "not the series' doing, or known")}
      {show(infra, "infrastructure: the lab keeper's")}
    </div>
  );
}
