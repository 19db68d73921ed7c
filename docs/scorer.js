// How the search ranks what it finds: Sphinx's own figures, and pages for users above the others.
// A keyword of a page (`{index} ! word`) counts 100 where it is the whole query.
var Scorer = {
  score: ([page, title, anchor, description, score, file, kind]) =>
    /^(maintainers\/|(architecture|changes|explanation\/(promises|soak)|reference\/(_remctl|manual))$)/.test(page)
      ? score / 10
      : score,
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
