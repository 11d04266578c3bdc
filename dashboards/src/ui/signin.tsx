import { useSignal } from "@preact/signals";
import { signedOut, signIn } from "../api/client";
import { afterSignIn } from "../app";
import { Dialog, Field } from "./parts";
import { me } from "./shell";

export default function SignIn() {
  const token = useSignal("");
  const why = useSignal("");
  const busy = useSignal(false);
  const submit = async () => {
    if (!token.value.trim() || busy.value) return;
    busy.value = true;
    why.value = "";
    try {
      why.value = await signIn(token.value.trim());
      if (!why.value) {
        token.value = "";
        afterSignIn();
      }
    } catch {
      why.value = "Kiln does not answer. Try again in a moment.";
    }
    busy.value = false;
  };
  const viewer = me.value !== undefined && me.value.role !== "";
  return (
    <Dialog
      title="Sign in"
      onClose={() => {
        if (viewer) signedOut.value = false;
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p class="soft">
          {me.value?.signedIn
            ? "Your session has ended. What you have typed is kept."
            : "With your token of this lab."}
        </p>
        <Field label="Token" note="An admin makes one: kiln token add USER --role keeper">
          <input
            type="password"
            data-first
            value={token.value}
            autocomplete="current-password"
            onInput={(event) => (token.value = event.currentTarget.value)}
            aria-invalid={why.value !== ""}
            aria-describedby="sign-in-why"
          />
        </Field>
        <p id="sign-in-why" class="bad" role="alert">
          {why.value}
        </p>
        <button type="submit" class="main" aria-disabled={busy.value}>
          Sign in
        </button>
      </form>
    </Dialog>
  );
}
