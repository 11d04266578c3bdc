import { nearMiss, parseFilter, termText } from "../lib/filter";
import { Empty } from "./parts";
import { setQuery } from "./shell";

/** Says which single word of the filter hides rows. */
export function NothingMatches({
  q,
  rows,
  filterKeys,
}: {
  q: string;
  rows: Record<string, string | readonly string[]>[];
  filterKeys: readonly string[];
}) {
  const near = nearMiss(parseFilter(q, filterKeys), rows);
  return (
    <Empty>
      <strong>Nothing matches</strong>
      {near ? (
        <span>
          Without <code>{termText(near.term)}</code> {near.rows} would.
        </span>
      ) : null}
      <span>
        <button type="button" onClick={() => setQuery("q", "")}>
          Clear the filter
        </button>
      </span>
    </Empty>
  );
}
