// Runs before the page is drawn, so it is no module: opens the thread that was open last.
{
  const user = document.currentScript.dataset.user;
  let last = null;
  try {
    last = localStorage.getItem(`threadkeeper:last:${user}`);
    if (last) sessionStorage.setItem("threadkeeper:reopening", last);
  } catch {
    // Without storage there is nothing to reopen.
  }
  if (last) location.replace(`/history/${encodeURIComponent(last)}`);
}
