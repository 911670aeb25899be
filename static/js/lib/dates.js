/** How moments are shown: the clock beside a message, the full date on hover, the day in a separator. */

/** Formatters for one locale; moments are ISO strings or milliseconds, `now` is in milliseconds. */
export function createDates(locale, t) {
  const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
  const thisYear = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  const anyYear = new Intl.DateTimeFormat(locale, { dateStyle: "long" });

  function day(moment, now) {
    const age = daysBetween(new Date(moment), new Date(now));
    if (age === 0) return t("time.today");
    if (age === 1) return t("time.yesterday");
    const sameYear = new Date(moment).getFullYear() === new Date(now).getFullYear();
    return (sameYear ? thisYear : anyYear).format(new Date(moment));
  }

  return {
    clock: (moment) => clock.format(new Date(moment)),
    full: (moment) => full.format(new Date(moment)),
    day,
  };
}

/** Calendar days from one local date to another; a day of 23 or 25 hours is still one day. */
function daysBetween(earlier, later) {
  const noon = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((noon(later) - noon(earlier)) / 86_400_000);
}
