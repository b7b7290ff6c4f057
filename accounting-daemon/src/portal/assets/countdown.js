// Counts the time down between two answers of the gateway, which alone knows. Pages work without it.
(() => {
  "use strict";
  const clock = document.querySelector("[data-seconds]");
  if (!clock) return;
  const bar = document.querySelector(".bar");
  const whole = Number(clock.dataset.seconds);
  const share = bar ? parseFloat(bar.getAttribute("stroke-dasharray")) : 0;
  let end = performance.now() + whole * 1000;
  const two = (n) => String(n).padStart(2, "0");

  const show = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    const [h, m, s] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    clock.textContent = h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
    if (bar && whole > 0) bar.setAttribute("stroke-dasharray", `${(share * Math.min(left, whole)) / whole} 100`);
    document.documentElement.classList.toggle("soon", left <= 300);
    return left;
  };

  const ask = async () => {
    try {
      const answer = await fetch("/captive-api", { headers: { Accept: "application/captive+json" } });
      if (!answer.ok) return;
      const state = await answer.json();
      if (state.captive) location.replace("/status");
      else if (typeof state["seconds-remaining"] === "number") end = performance.now() + state["seconds-remaining"] * 1000;
    } catch {
      // Out of reach for the moment.
    }
  };

  show();
  let turns = 0;
  setInterval(() => {
    turns += 1;
    // At the end often, else four times a minute.
    if ((show() === 0 && turns % 2 === 0) || turns % 15 === 0) ask();
  }, 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
  });
})();
