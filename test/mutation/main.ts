/** Takes out each thing that the guarantee rests on, and sees its test fail: `main.ts [PART OF A NAME]`. */
import { check } from "./check.ts";
import { MUTATIONS } from "./mutations.ts";

const wanted = MUTATIONS.filter(({ name }) => name.includes(process.argv[2] ?? ""));
let missed = 0;
for (const mutation of wanted) {
  const { complaint, seconds } = await check(mutation);
  const [file, name] = mutation.test;
  console.log(`${seconds.toFixed(1).padStart(5)} s  ${complaint === null ? "seen  " : "MISSED"}  ${mutation.name}`);
  if (complaint === null) continue;
  missed += 1;
  console.log(`${file}, ${name}: ${complaint}`);
}
console.log(`${wanted.length - missed} of ${wanted.length} mutations were seen`);
process.exit(missed === 0 ? 0 : 1);
