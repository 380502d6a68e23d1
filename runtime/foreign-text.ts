/** Of what others say this much is shown, characters. */
const MOST_SHOWN = 300;
/** What is read of it at most: to look for credentials in more would take long. */
const MOST_READ = 64 * 1024;
/** Credentials of so many characters, or less, would be found in words. */
const LEAST = 4;
/** An answer may still speak of those that were sent before the last. */
const KEPT = 4;
const TAKEN_OUT = "(credentials)";

/** Of C0, C1, the line separators and what turns the direction of writing; line ends stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
/** What is a credential by its form, whoever sent it. Each begins where a word does, so that the search stays linear. */
const TOKEN = /(?<![\w-])eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g;
const SCHEME = /\b(bearer|basic) +[\w+/=~.:-]{8,}/gi;

/** Fit for a terminal: each control character, which could move its cursor or hide text, becomes a replacement character. */
export function printable(text: string): string {
  return text.replace(CONTROL, "\ufffd");
}

/** What another side says, before people see it. */
export interface ForeignText {
  /** Remembers credentials that go out to that side, so that they are known when they come back. */
  sent(credentials: Uint8Array): void;
  /** One line without credentials and control characters, of 300 characters at most. */
  clean(text: string): string;
}

export function createForeignText(): ForeignText {
  /** The forms of each of the credentials sent last, by those credentials. */
  const known = new Map<string, readonly string[]>();
  return {
    sent(credentials) {
      const text = Buffer.from(credentials).toString("utf8");
      if (known.has(text)) return;
      known.set(text, formsOf(text));
      if (known.size > KEPT) known.delete(known.keys().next().value ?? "");
    },
    clean: (text) => foreignText(text, [...known.values()].flat()),
  };
}

/** As {@link ForeignText.clean}. @param secrets what is taken out, wherever it stands */
export function foreignText(text: string, secrets: readonly string[] = []): string {
  let clean = text.slice(0, MOST_READ);
  for (const secret of secrets) clean = clean.replaceAll(secret, TAKEN_OUT);
  clean = clean.replace(TOKEN, TAKEN_OUT).replace(SCHEME, `$1 ${TAKEN_OUT}`);
  return printable(clean.replace(/\s+/g, " ")).slice(0, MOST_SHOWN).toWellFormed();
}

/** As they are sent, by the binary protocol and in headers and forms; the password of a pair by itself too. Longest first. */
export function formsOf(credentials: string): readonly string[] {
  const colon = credentials.indexOf(":");
  const parts = colon < 0 ? [credentials] : [credentials, credentials.slice(colon + 1)];
  const forms = parts
    .filter((part) => part.length >= LEAST)
    .flatMap((part) => {
      const bytes = Buffer.from(part);
      const base64 = bytes.toString("base64");
      const forUrl = bytes.toString("base64url");
      return [part, base64, base64.replace(/=+$/, ""), forUrl, encodeURIComponent(part), bytes.toString("hex")];
    });
  return [...new Set(forms)].sort((one, other) => other.length - one.length);
}
