/** Comments in a schema's JSON text, as Java's parser takes them: a definition may have been uploaded from a file that has some. */

/** @returns the text with each comment replaced by a blank; `text` itself, which is no JSON, where one does not end */
export function withoutComments(text: string): string {
  let kept = "";
  let from = 0;
  // Each round ends behind where it began, so the time is in proportion to the text.
  for (let at = nextMark(text, 0); at < text.length; ) {
    const end = text[at] === '"' ? endOfString(text, at) : endOfComment(text, at);
    if (end < 0) return text;
    if (text[at] === "/" && end > at) {
      kept += `${text.slice(from, at)} `;
      from = end;
    }
    at = nextMark(text, Math.max(end, at + 1));
  }
  return kept + text.slice(from);
}

/** The next quote or slash at or behind `at`. */
function nextMark(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '"' && text[at] !== "/") at++;
  return at;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Behind the comment that begins at `start`; `start` where none does, -1 where it does not end. */
function endOfComment(text: string, start: number): number {
  if (text[start + 1] === "/") {
    let at = start + 2;
    while (at < text.length && text[at] !== "\n" && text[at] !== "\r") at++;
    return at;
  }
  if (text[start + 1] !== "*") return start;
  const end = text.indexOf("*/", start + 2);
  return end < 0 ? -1 : end + 2;
}
