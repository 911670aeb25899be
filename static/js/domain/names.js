/** Display names are free; where two people show the same one, the page adds their usernames. */

/** The display names, folded, that more than one of `users` carries. */
export function sharedNames(users) {
  const owners = new Map();
  const shared = new Set();
  for (const { username, display_name } of users) {
    const name = foldName(display_name);
    if (owners.has(name) && owners.get(name) !== username) shared.add(name);
    owners.set(name, username);
  }
  return shared;
}

/** A name as the eye compares it: width, case, marks that show nothing and spacing do not count. */
export function foldName(name) {
  return name.normalize("NFKC").toLowerCase().replace(/[\p{Cf}\s]+/gu, " ").trim();
}

/** People for the list: those present first, then by name as the reader's language sorts. */
export function sortPeople(users, present, locale) {
  const collator = new Intl.Collator(locale, { sensitivity: "base", numeric: true });
  const rank = (user) => (present.has(user.username) ? 0 : 1);
  return [...users].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      collator.compare(a.display_name, b.display_name) ||
      (a.username < b.username ? -1 : 1),
  );
}
