// Who may come in: tokens, agents, and the audit.
import { useSignal } from "@preact/signals";
import { api, problem } from "../api/client";
import { useResource } from "../api/resource";
import { command } from "../lib/quote";
import { Act, Command, Dialog, Empty, Field, Head, Panel, Section, Time } from "../ui/parts";
import { mayNot, me, query, say, setQuery, usePage } from "../ui/shell";

export default function Admin() {
  const why = mayNot("admin");
  usePage("Admin", ["kiln token list", "kiln audit", "kiln agents"]);
  if (me.value && why)
    return (
      <>
        <Head>Admin</Head>
        <Empty attention>
          <strong>You may not see this</strong>
          <span>
            It {why}. An admin of the lab can make you another token: kiln token add{" "}
            {me.value.name || "USER"} --role admin
          </span>
        </Empty>
      </>
    );
  // `kiln serve` is one person's: its address is all that lets in.
  if (me.value?.name === "local")
    return (
      <>
        <Head>Admin</Head>
        <Empty>
          <strong>Nothing to administer here</strong>
          <span>
            This is <code>kiln serve</code>: whoever has its address may do everything. Tokens,
            agents and the audit are a lab's (<code>kilnd</code>).
          </span>
        </Empty>
      </>
    );
  return (
    <>
      <Head>Admin</Head>
      <Tokens />
      <Agents />
      <Audit />
    </>
  );
}

interface Secret {
  what: string;
  text: string;
  note: string;
}

function SecretShown({ secret, close }: { secret: Secret; close: () => void }) {
  return (
    <Dialog title={secret.what} onClose={close}>
      <p>It is told this once.</p>
      <p>
        <Command text={secret.text} label={secret.what} />
      </p>
      <p class="soft words">{secret.note}</p>
    </Dialog>
  );
}

function Tokens() {
  const ended = query.value.get("ended") === "1";
  const resource = useResource(
    `tokens/${ended}`,
    (signal) => api.access.listTokens({ withEnded: ended }, { signal }),
    {
      kinds: ["access"],
    },
  );
  const making = useSignal(false);
  const secret = useSignal<Secret | undefined>(undefined);
  const revoking = useSignal("");
  const revoke = async (id: string) => {
    revoking.value = "";
    try {
      await api.access.revokeToken({ id });
      say(`Token ${id} is ended; who was signed in with it is out`);
    } catch (error) {
      say(`Not ended: ${problem(error).detail}`);
    }
    resource.reload();
  };
  return (
    <Section title="Tokens">
      <p class="row">
        <Act kind="main" why={mayNot("admin")} onPress={() => (making.value = true)}>
          New token
        </Act>
        <label class="choice">
          <input
            type="checkbox"
            checked={ended}
            onChange={() => setQuery("ended", ended ? "" : "1")}
          />
          ended ones, too
        </label>
      </p>
      <Panel resource={resource} what="the tokens" command="kiln token list" rows={4}>
        {(data) => (
          <table class="cards">
            <thead>
              <tr>
                <th>User</th>
                <th>Role</th>
                <th>Id</th>
                <th>For</th>
                <th>Made</th>
                <th>Last used</th>
                <th>Good until</th>
                <th>Do</th>
              </tr>
            </thead>
            <tbody>
              {data.tokens.map((t) => (
                <tr key={t.id}>
                  <th scope="row">{t.user}</th>
                  <td>{t.role}</td>
                  <td>
                    <code>{t.id}</code>
                  </td>
                  <td class="words">{t.note}</td>
                  <td data-name="made">
                    <Time time={t.created} /> <span class="soft">{t.createdBy}</span>
                  </td>
                  <td data-name="used">
                    {t.lastUsed ? <Time time={t.lastUsed} /> : <span class="soft">never</span>}
                  </td>
                  <td data-name="until">
                    {t.state !== "good" ? (
                      <strong>{t.state}</strong>
                    ) : t.expires ? (
                      <Time time={t.expires} />
                    ) : (
                      "for ever"
                    )}
                  </td>
                  <td>
                    {t.state === "good" ? (
                      revoking.value === t.id ? (
                        <span class="row">
                          <Act kind="danger" onPress={() => void revoke(t.id)}>
                            End it now
                          </Act>
                          <Act onPress={() => (revoking.value = "")}>No</Act>
                        </span>
                      ) : (
                        <Act why={mayNot("admin")} onPress={() => (revoking.value = t.id)}>
                          Revoke
                        </Act>
                      )
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Panel>
      {making.value ? (
        <NewToken
          close={() => (making.value = false)}
          made={(text, user) => {
            making.value = false;
            secret.value = {
              what: `Token of ${user}`,
              text,
              note: "kiln lab join NAME HOST:PORT --fingerprint ... takes it from KILN_TOKEN.",
            };
            resource.reload();
          }}
        />
      ) : null}
      {secret.value ? (
        <SecretShown secret={secret.value} close={() => (secret.value = undefined)} />
      ) : null}
    </Section>
  );
}

function NewToken({
  close,
  made,
}: {
  close: () => void;
  made: (token: string, user: string) => void;
}) {
  const user = useSignal("");
  const role = useSignal("viewer");
  const days = useSignal(90);
  const note = useSignal("");
  const fault = useSignal("");
  const why = user.value.trim() ? "" : "whose is it?";
  const make = async () => {
    if (why) return;
    try {
      const reply = await api.access.createToken({
        user: user.value.trim(),
        role: role.value,
        note: note.value.trim(),
        lifetimeSeconds: days.value < 0 ? -1 : days.value * 86_400,
      });
      made(reply.token, user.value.trim());
    } catch (error) {
      const p = problem(error);
      fault.value = p.detail || p.title;
    }
  };
  return (
    <Dialog title="A new token" onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <Field label="User">
          <input
            data-first
            value={user.value}
            maxLength={64}
            autocomplete="off"
            onInput={(event) => (user.value = event.currentTarget.value)}
          />
        </Field>
        <Field label="Role" note="each may do what the ones before it may">
          <select value={role.value} onChange={(event) => (role.value = event.currentTarget.value)}>
            {["viewer", "submitter", "keeper", "admin"].map((r) => (
              <option key={r}>{r}</option>
            ))}
          </select>
        </Field>
        <Field label="Good for">
          <select
            value={String(days.value)}
            onChange={(event) => (days.value = Number(event.currentTarget.value))}
          >
            {[7, 30, 90, 365].map((d) => (
              <option key={d} value={String(d)}>
                {d} days
              </option>
            ))}
            <option value="-1">ever</option>
          </select>
        </Field>
        <Field label="What it is for">
          <input
            value={note.value}
            maxLength={200}
            onInput={(event) => (note.value = event.currentTarget.value)}
          />
        </Field>
        <p class="bad" role="alert">
          {fault.value}
        </p>
        <p>
          <Act kind="main" why={why} onPress={() => void make()}>
            Make it
          </Act>
        </p>
        <Command
          text={command(
            "kiln token add",
            user.value || "USER",
            "--role",
            role.value,
            "--for",
            days.value < 0 ? "never" : `${days.value}d`,
          )}
        />
      </form>
    </Dialog>
  );
}

function Agents() {
  const enrolments = useResource(
    "enrolments",
    (signal) => api.access.listEnrolments({}, { signal }),
    { kinds: ["access"] },
  );
  const certificates = useResource(
    "certificates",
    (signal) => api.access.listCertificates({}, { signal }),
    { kinds: ["access"] },
  );
  const name = useSignal("");
  const secret = useSignal<Secret | undefined>(undefined);
  const ending = useSignal("");
  const reason = useSignal("");
  const invite = async () => {
    const agent = name.value.trim();
    if (!agent) return;
    try {
      const reply = await api.access.createEnrolment({ agent });
      secret.value = {
        what: `Code of ${agent}`,
        text: reply.code,
        note: `Good once, for an hour. The lab's fingerprint: ${reply.caFingerprint}`,
      };
      name.value = "";
    } catch (error) {
      say(`Not made: ${problem(error).detail}`);
    }
    enrolments.reload();
  };
  const revoke = async (agent: string) => {
    try {
      const reply = await api.access.revokeAgent({ agent, why: reason.value.trim() });
      say(`${agent} is out: ${reply.certificates} certificates ended`);
      ending.value = "";
      reason.value = "";
    } catch (error) {
      say(`Not done: ${problem(error).detail}`);
    }
    certificates.reload();
  };
  return (
    <Section title="Agents">
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          void invite();
        }}
      >
        <Field label="Invite an agent">
          <input
            value={name.value}
            placeholder="its name"
            maxLength={64}
            onInput={(event) => (name.value = event.currentTarget.value)}
          />
        </Field>
        <Act
          why={mayNot("admin") || (name.value.trim() ? "" : "it needs a name")}
          onPress={() => void invite()}
        >
          Make a code
        </Act>
        <Command text={command("kiln agent invite", name.value || "NAME")} />
      </form>
      <Panel resource={certificates} what="the certificates" rows={2}>
        {(data) =>
          data.certificates.length === 0 ? (
            <p class="soft">No agent has a certificate.</p>
          ) : (
            <table class="cards">
              <thead>
                <tr>
                  <th>Agent</th>
                  <th>Certificate</th>
                  <th>State</th>
                  <th>Until</th>
                  <th>Do</th>
                </tr>
              </thead>
              <tbody>
                {data.certificates.map((c) => (
                  <tr key={c.fingerprint}>
                    <th scope="row">{c.agent}</th>
                    <td>
                      <code title={c.fingerprint}>{c.fingerprint.slice(0, 16)}</code>
                    </td>
                    <td>{c.state}</td>
                    <td data-name="until">
                      <Time time={c.expires} />
                    </td>
                    <td>
                      {ending.value === c.fingerprint ? (
                        <span class="row">
                          <input
                            aria-label="Why it is kept out"
                            placeholder="why"
                            value={reason.value}
                            maxLength={200}
                            onInput={(event) => (reason.value = event.currentTarget.value)}
                          />
                          <Act
                            kind="danger"
                            why={reason.value.trim() ? "" : "say why"}
                            onPress={() => void revoke(c.agent)}
                          >
                            Keep it out
                          </Act>
                          <Act onPress={() => (ending.value = "")}>No</Act>
                        </span>
                      ) : (
                        <Act why={mayNot("admin")} onPress={() => (ending.value = c.fingerprint)}>
                          Revoke
                        </Act>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Panel>
      <Panel resource={enrolments} what="the invitations" rows={1}>
        {(data) => {
          const open = data.enrolments.filter((e) => e.state === "open" || e.state === "blocked");
          return open.length === 0 ? null : (
            <ul>
              {open.map((e) => (
                <li key={e.id}>
                  {e.agent}: {e.state}, until <Time time={e.expires} />{" "}
                  <span class="soft">by {e.createdBy}</span>
                  {e.attempts > 0 ? <strong> {e.attempts} wrong codes</strong> : null}
                </li>
              ))}
            </ul>
          );
        }}
      </Panel>
      {secret.value ? (
        <SecretShown secret={secret.value} close={() => (secret.value = undefined)} />
      ) : null}
    </Section>
  );
}

function Audit() {
  const who = query.value.get("who") ?? "";
  const outcome = query.value.get("outcome") ?? "";
  const before = /^\d{1,18}$/.test(query.value.get("before") ?? "")
    ? BigInt(query.value.get("before")!)
    : 0n;
  const resource = useResource(
    `audit/${who}/${outcome}/${before}`,
    (signal) => api.access.listAudit({ who, outcome, beforeId: before, limit: 100 }, { signal }),
    { kinds: ["access"] },
  );
  return (
    <Section title="Audit" note="newest first">
      <div class="row">
        <Field label="Who">
          <input
            value={who}
            maxLength={64}
            onInput={(event) => setQuery("who", event.currentTarget.value)}
          />
        </Field>
        <Field label="Outcome">
          <select
            value={outcome}
            onChange={(event) => setQuery("outcome", event.currentTarget.value)}
          >
            <option value="">any</option>
            <option>done</option>
            <option>failed</option>
            <option>refused</option>
          </select>
        </Field>
        <Command
          text={command(
            "kiln audit",
            ...(who ? ["--who", who] : []),
            ...(outcome ? ["--outcome", outcome] : []),
          )}
        />
      </div>
      <Panel resource={resource} what="the audit" command="kiln audit" rows={6}>
        {(data) =>
          data.entries.length === 0 ? (
            <p class="soft">Nothing of that kind.</p>
          ) : (
            <>
              <table class="cards">
                <thead>
                  <tr>
                    <th>When</th>
                    <th>Who</th>
                    <th>What</th>
                    <th>Outcome</th>
                    <th>Detail</th>
                  </tr>
                </thead>
                <tbody>
                  {data.entries.map((e) => (
                    <tr key={String(e.id)}>
                      <td>
                        <Time time={e.time} />
                      </td>
                      <th scope="row">
                        {e.who || "nobody known"} <span class="soft">{e.role}</span>
                      </th>
                      <td>
                        {e.method} <span class="soft words">{e.target}</span>
                        {e.times > 1 ? <span class="soft"> {e.times} times</span> : null}
                      </td>
                      <td class={e.outcome === "done" ? "" : "strong"}>{e.outcome}</td>
                      <td class="words soft">
                        {e.detail} {e.peer}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {data.entries.length === 100 ? (
                <button
                  type="button"
                  class="plain"
                  onClick={() => setQuery("before", String(data.entries[99]!.id))}
                >
                  older
                </button>
              ) : null}
            </>
          )
        }
      </Panel>
    </Section>
  );
}
