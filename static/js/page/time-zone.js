// Runs before the page is drawn, so it is no module: tells the server where the days of its reader
// begin. A page that came before it knew, on a new device or a journey, is asked for again.
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = () => document.cookie.split("; ").includes(`timezone=${zone}`);
  if (zone && !known()) {
    document.cookie = `timezone=${zone}; path=/history; max-age=31536000; samesite=lax`;
    // Where cookies are forbidden it stays with what the server thinks.
    if (known()) location.reload();
  }
}
