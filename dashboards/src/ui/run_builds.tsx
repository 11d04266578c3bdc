import type { RunReport } from "../gen/kiln/v1/report_pb";
import { duration, shortId } from "../lib/format";
import { Section } from "./parts";

export function Builds({ report }: { report: RunReport }) {
  if (report.builds.length === 0) return null;
  const built = report.builds.filter((b) => b.state === "built").length;
  const failed = report.builds.filter((b) => b.state === "failed").length;
  return (
    <Section
      title="Builds"
      id="builds"
      note={`${built} built, ${report.builds.length - built - failed} from the store${failed ? `, ${failed} failed` : ""}`}
    >
      <div class="scroll">
        <table class="cards">
          <thead>
            <tr>
              <th>Cell</th>
              <th>State</th>
              <th class="num">Took</th>
              <th>Kernel</th>
              <th>Build id</th>
              <th class="num">Warnings</th>
            </tr>
          </thead>
          <tbody>
            {report.builds.map((b) => {
              const fresh = b.warnings.filter((w) => w.isNew);
              return (
                <tr key={b.cell}>
                  <th scope="row">{b.cell}</th>
                  <td class={b.state === "failed" ? "bad strong" : ""} data-name="state">
                    {b.state === "failed" ? "▼ failed" : b.state}
                    {b.incremental ? <span class="soft"> incremental</span> : null}
                  </td>
                  <td class="num" data-name="took">
                    {duration(b.elapsedSeconds)}
                  </td>
                  <td data-name="kernel">{b.release || "–"}</td>
                  <td data-name="build id">
                    <code title={b.kernelBuildId}>{shortId(b.kernelBuildId) || "–"}</code>
                  </td>
                  <td class="num" data-name="warnings">
                    {fresh.length > 0 ? <span class="strong">△ {fresh.length} new</span> : null}{" "}
                    {b.warnings.length}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {report.builds
        .filter((b) => b.error || b.warnings.some((w) => w.isNew))
        .map((b) => (
          <div key={b.cell}>
            <h3>{b.cell}</h3>
            {b.error ? <pre>{b.error}</pre> : null}
            <ul>
              {b.warnings
                .filter((w) => w.isNew)
                .map((w) => (
                  <li key={`${w.file}:${w.line}:${w.text}`}>
                    <code>
                      {w.file}:{w.line}
                    </code>{" "}
                    {w.text}
                  </li>
                ))}
            </ul>
          </div>
        ))}
      <p>
        <a href={`/builds?run=${report.run!.id}`}>Compare the configs of two cells</a>
      </p>
    </Section>
  );
}
