import { texts } from "./language.ts";
import { refusal, signIn } from "./store.ts";
import { Button } from "./ui/button.tsx";
import { Field } from "./ui/field.tsx";

export function SignIn() {
  const t = texts.value;
  const problem = refusal.value;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void signIn(String(form.get("username")), String(form.get("password")));
  };
  return (
    <main class="single">
      <form class="panel signin" onSubmit={submit} data-testid="sign-in-form">
        <h1>{t.signIn.head}</h1>
        <Field label={t.signIn.username}>
          <input
            name="username"
            data-testid="username"
            autocomplete="username"
            autocapitalize="none"
            required
            autofocus
          />
        </Field>
        <Field label={t.signIn.password}>
          <input name="password" data-testid="password" type="password" autocomplete="current-password" required />
        </Field>
        {problem && (
          <p class="error" role="alert" data-testid="sign-in-error" data-code={problem.code}>
            {problem.status === 0 ? t.unreachable : problem.message}
          </p>
        )}
        <Button kind="main" submit label={t.signIn.submit} testid="sign-in" />
      </form>
    </main>
  );
}
