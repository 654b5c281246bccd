// The browser's own sense of time: it goes on when the server is gone, and says so.
import { reactive } from "vue";

const SILENT_MS = 5000; // The server beats each second; five missed beats are no accident.
const stored = (key) => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // A browser that keeps nothing for us.
  }
};

export const clock = reactive({
  now: Date.now(), // this browser's time, in steps of a second
  skew: 0, // the server's time less this browser's
  marketAt: null, // the market's time at the last beat
  speed: 1, // market milliseconds in one of ours
  beatAt: Date.now(), // this browser's time of the last beat
  local: stored("tapereader.zone") === "local",
});

setInterval(() => {
  clock.now = Date.now();
}, 1000);

export function beat(serverMs, marketMs, speed) {
  const now = Date.now();
  clock.skew = serverMs - now;
  clock.marketAt = marketMs;
  clock.speed = speed;
  clock.beatAt = now;
  clock.now = now;
}

export function toggleZone() {
  clock.local = !clock.local;
  try {
    localStorage.setItem("tapereader.zone", clock.local ? "local" : "utc");
  } catch {
    // Then it holds for this page alone.
  }
}

export const silentFor = () => {
  const ms = clock.now - clock.beatAt;
  return ms >= SILENT_MS ? ms : 0;
};
export const wallNow = () => clock.now + clock.skew;
export const marketNow = () =>
  clock.marketAt === null ? wallNow() : clock.marketAt + (clock.now - clock.beatAt) * clock.speed;
export const nowOf = (which) => (which === "market" ? marketNow() : wallNow());

const two = (n) => String(n).padStart(2, "0");

function parts(ms) {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return null;
  return clock.local
    ? [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()]
    : [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()];
}

export const zone = () => (clock.local ? "local time" : "UTC");

export function whole(ms) {
  const p = parts(ms);
  return p === null ? "-" : `${p[0]}-${two(p[1])}-${two(p[2])} ${two(p[3])}:${two(p[4])}:${two(p[5])}`;
}

export function short(ms) {
  const p = parts(ms);
  if (p === null) return "-";
  // Without its date where it cannot be another day's: of our day, or of the market's where that runs by itself.
  const far = Math.min(Math.abs(wallNow() - ms), Math.abs(marketNow() - ms)) > 72_000_000;
  return far ? `${two(p[1])}-${two(p[2])} ${two(p[3])}:${two(p[4])}` : `${two(p[3])}:${two(p[4])}:${two(p[5])}`;
}

export function exact(ms) {
  const told = short(ms);
  return `${told.length === 8 ? told : whole(ms)}.${String(ms % 1000).padStart(3, "0")}`;
}

export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}
