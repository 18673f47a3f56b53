type Options = Intl.DateTimeFormatOptions;

const DATE_TOKENS: Readonly<Record<string, Options>> = {
  date_num: { year: 'numeric', month: '2-digit', day: '2-digit' },
  date: { year: 'numeric', month: 'long', day: 'numeric' },
  date_short: { year: 'numeric', month: 'short', day: 'numeric' },
  date_long: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  time: { hour: '2-digit', minute: '2-digit' },
  time_secs: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
  day_divider_pretty: { weekday: 'long', month: 'long', day: 'numeric' },
};

/** `{date_short} at {time}`, as Slack has it in `<!date^…>`: in the reader's own time zone. */
export function formatDateTokens(format: string, seconds: number): string | null {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return null;
  return format.replace(/\{(\w+)\}/g, (whole, token: string) => {
    if (token === 'ago') return formatAgo(Date.now() - at.getTime());
    const options = DATE_TOKENS[token.replace(/_pretty$/, '')] ?? DATE_TOKENS[token];
    if (options === undefined) return whole;
    return new Intl.DateTimeFormat('en-GB', options).format(at);
  });
}

function formatAgo(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 24 ? `${hours} h ago` : `${Math.round(hours / 24)} d ago`;
}

export function formatClock(ts: string): string {
  return formatDateTokens('{time}', Number(ts)) ?? '';
}

export function formatDay(ts: string): string {
  return formatDateTokens('{day_divider_pretty}', Number(ts)) ?? '';
}
