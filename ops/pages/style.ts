/** What the status pages look like. It stands in each page, which loads nothing. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --surface: #fff; --text: #16212b; --muted: #55636f; --line: #dbe2e7;
  --good: #0f766e; --good-soft: #e1f3ef; --bar-good: #2a9d8f; --bar-part: #d98a00; --bar-bad: #c8321f; --bar-none: #b4c0c9;
  --warn: #8a4b00; --warn-soft: #fdf0d9; --bad: #b42318; --bad-soft: #fdeae8; --plain-soft: #e9eef2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f161c; --surface: #18222b; --text: #e8eef2; --muted: #a3b3bf; --line: #2c3a46;
    --good: #5eead4; --good-soft: #123733; --bar-good: #2fb5a4; --bar-part: #f0a82c; --bar-bad: #ff7a6b; --bar-none: #4a5a67;
    --warn: #ffc46b; --warn-soft: #3a2a10; --bad: #ffa69c; --bad-soft: #43201d; --plain-soft: #24313c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif; }
header, main, footer { max-width: 46rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; display: flex; justify-content: space-between; align-items: baseline; gap: 0 1.5rem; flex-wrap: wrap; }
h1 { font-size: 1.35rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 0; font-weight: 600; }
p { margin: 0; }
.asof, .note, dt, footer { color: var(--muted); font-size: .9rem; }
.overall, .old, .notice { border-radius: .75rem; padding: 1rem 1.25rem; margin-top: 1.25rem; }
.overall { font-size: 1.25rem; font-weight: 650; display: flex; gap: .75rem; align-items: center; }
.overall svg { flex: none; width: 1.75rem; height: 1.75rem; }
.good { background: var(--good-soft); color: var(--good); }
.warn, .notice { background: var(--warn-soft); color: var(--warn); }
.bad, .old { background: var(--bad-soft); color: var(--bad); }
.plain { background: var(--plain-soft); color: var(--text); }
section { background: var(--surface); border: 1px solid var(--line); border-radius: .75rem; padding: 1.1rem 1.25rem; margin-top: 1.25rem; }
ul, ol { list-style: none; margin: 0; padding: 0; }
li + li { border-top: 1px solid var(--line); margin-top: .85rem; padding-top: .85rem; }
.head { display: flex; justify-content: space-between; align-items: center; gap: .25rem 1rem; flex-wrap: wrap; }
.badge { display: inline-block; border-radius: 1rem; padding: .05rem .65rem; font-size: .875rem; font-weight: 600; white-space: nowrap; }
.bars { display: block; width: 100%; height: 1.9rem; margin: .5rem 0 .2rem; }
.bars .up { fill: var(--bar-good); } .bars .part { fill: var(--bar-part); } .bars .down { fill: var(--bar-bad); } .bars .none { fill: var(--bar-none); }
.scale { display: flex; justify-content: space-between; gap: 1rem; color: var(--muted); font-size: .85rem; }
.scale strong { color: var(--text); font-weight: 600; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin-top: 1rem; color: var(--muted); font-size: .85rem; }
.key svg { width: .7rem; height: .7rem; margin-right: .35rem; }
.key .up { fill: var(--bar-good); } .key .part { fill: var(--bar-part); } .key .down { fill: var(--bar-bad); } .key .none { fill: var(--bar-none); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1.1rem 2rem; }
dl { margin: 0; } dd { margin: 0; } .pair dd + dd { margin-top: .2rem; } .asof time { white-space: nowrap; }
.steps { margin-top: .85rem; } .steps li { padding-top: .4rem; margin-top: .4rem; }
details { margin-top: .85rem; font-size: .9rem; } summary { cursor: pointer; color: var(--muted); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin-top: .5rem; width: 100%; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; font-variant-numeric: tabular-nums; }
th { font-weight: 600; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--good); outline-offset: 2px; }
footer { padding-top: 1.25rem; padding-bottom: 2.5rem; }
`.replace(/\n\s*/g, "\n");
