// The clock is the visitor's: the sites hear of its zone by a cookie, and times on this page are told in it.
document.cookie = `demo_zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}; path=/; SameSite=Strict`;
addEventListener("DOMContentLoaded", () => {
  for (const time of document.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString();
  }
});
