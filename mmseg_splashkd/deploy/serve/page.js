"use strict";
const PICTURES = /\.(bmp|dib|png|jpe?g|jpe|jfif|tiff?|jp2|ppm|pgm|pnm|gif|webp|avif)$/i;
const byId = (id) => document.getElementById(id);
const form = byId("form"), input = byId("file"), drop = byId("drop");
let request = null, urls = [];

function show(element, isShown) { element.hidden = !isShown; }

function isPicture(file) {
  return file.type.startsWith("image/") || PICTURES.test(file.name);
}

function formOf(file, picture) {
  const data = new FormData();
  if (!picture) {
    for (const field of form.querySelectorAll("input[name]")) {
      if (field.value.trim()) data.append(field.name, field.value.trim());
    }
    data.append("recording", file.name.replace(/\.[^.]*$/, "").slice(0, 200));
  }
  data.append("file", file);
  return data;
}

async function answerTo(path, data) {
  request = new AbortController();
  const answer = await fetch(path, { method: "POST", body: data, signal: request.signal });
  const values = await answer.json();
  if (!answer.ok) throw new Error(values.error);
  return values;
}

async function send(file) {
  const picture = isPicture(file);
  show(byId("error"), false);
  show(byId("result"), false);
  if (file.size > Number(form.dataset.bytes)) {
    return refuse(`${file.name} has ${file.size} bytes, more than the limit of ${form.dataset.bytes}`);
  }
  const began = Date.now();
  const tell = () => {
    const seconds = Math.round((Date.now() - began) / 1000);
    byId("status").textContent = `Predicting ${file.name} ... ${seconds} s`;
  };
  tell();
  const timer = setInterval(tell, 1000);
  byId("send").disabled = true;
  show(byId("stop"), true);
  try {
    const path = picture ? "predict?overlay=true" : "events?files=true";
    const values = await answerTo(path, formOf(file, picture));
    forget();
    (picture ? showPicture : showVideo)(file, values);
    byId("status").textContent = "Done.";
    show(byId("result"), true);
    byId("result").focus();
  } catch (error) {
    if (error.name === "AbortError") byId("status").textContent = "Stopped.";
    else refuse(error instanceof TypeError ? "The server does not answer." : error.message);
  } finally {
    clearInterval(timer);
    byId("send").disabled = false;
    show(byId("stop"), false);
  }
}

function refuse(text) {
  byId("status").textContent = "";
  byId("error").textContent = text;
  show(byId("error"), true);
}

function forget() {
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = [];
  byId("downloads").replaceChildren();
}

function urlOf(content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  urls.push(url);
  return url;
}

function bytesOf(text) { return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); }

function offer(name, content, type) {
  const link = document.createElement("a");
  link.href = urlOf(content, type);
  link.download = name;
  link.textContent = `Download ${name}`;
  byId("downloads").append(link);
}

function fill(caption, heads, rows) {
  const cell = (kind, text, scope) => {
    const made = document.createElement(kind);
    made.textContent = text;
    if (scope) made.scope = scope;
    return made;
  };
  byId("caption").textContent = caption;
  byId("table").tHead.rows[0].replaceChildren(...heads.map((text) => cell("th", text, "col")));
  byId("table").tBodies[0].replaceChildren(...rows.map((texts) => {
    const row = document.createElement("tr");
    row.append(...texts.map((text, n) => n ? cell("td", text) : cell("th", text, "row")));
    return row;
  }));
}

function paint(content, alt, about) {
  byId("overlay").src = urlOf(content, "image/png");
  byId("overlay").alt = alt;
  byId("about").textContent = about;
}

// Times are ISO 8601 in UTC with nine decimals; the tables to download keep them all.
const moment = (time) => `${time.slice(0, 10)} ${time.slice(11, 23)}`;
const clock = (time, day) => time.slice(0, 10) === day.slice(0, 10) ? time.slice(11, 23) : moment(time);
const percent = (share) => `${(100 * share).toFixed(2)} %`;
const stem = (file) => file.name.replace(/\.[^.]*$/, "");

function showPicture(file, found) {
  byId("title").textContent = file.name;
  byId("told").textContent =
    `${found.width} x ${found.height} pixels, mean probability of the predicted classes ${found.confidence.toFixed(3)}.`;
  show(byId("timeline"), false);
  fill("Classes of the picture", ["class", "share", "pixels", "areas", "mean probability"],
    found.classes.map((name) => [
      name, percent(found.share[name]), found.area[name], found.blobs[name],
      found.class_confidence[name] === null ? "" : found.class_confidence[name].toFixed(3),
    ]));
  const shares = found.classes.map((name) => `${name} ${percent(found.share[name])}`).join(", ");
  paint(bytesOf(found.overlay), `${file.name} with its classes: ${shares}`, "The classes over the picture.");
  offer(`${stem(file)}_mask.png`, bytesOf(found.mask), "image/png");
  offer(`${stem(file)}_overlay.png`, bytesOf(found.overlay), "image/png");
}

function showVideo(file, found) {
  const name = found.class, count = found.events.length;
  const dropped = Object.entries(found.dropped).map(([reason, n]) => `${n} ${reason}`);
  byId("title").textContent = file.name;
  byId("told").textContent = [
    `${found.rows} frames from ${moment(found.first)} to ${clock(found.last, found.first)} UTC`,
    found.left_out ? `${found.left_out} left out by choice` : "",
    dropped.length ? `dropped: ${dropped.join(", ")} (${found.problems.join("; ")})` : "none dropped",
    `${name} on average in ${percent(found.mean_share)} of a frame`,
  ].filter(Boolean).join("; ") + `. ${found.times}`;
  byId("chart").src = urlOf(found.files["timeline.svg"], "image/svg+xml");
  byId("chart").alt = `Share of ${name} over time, with ${count} events`;
  show(byId("timeline"), true);
  fill(count ? `${count} ${count === 1 ? "event" : "events"} of ${name}` : `No event of ${name}`,
    ["start, UTC", "end", "duration, s", "largest share", "at", "area, share x s", "frames", "open"],
    found.events.map((each) => [
      moment(each.start), clock(each.end, each.start), each.duration_s.toFixed(3),
      percent(each.peak_share), clock(each.peak, each.start),
      each.area_share_s.toFixed(5), each.frames,
      [each.begins_open ? "begins" : "", each.ends_open ? "ends" : ""].filter(Boolean).join(", "),
    ]));
  const largest = `${percent(found.largest.share)} at ${moment(found.largest.time)}`;
  paint(bytesOf(found.files["overlay.png"]), `Frame with the largest share of ${name}, ${largest}`,
    `The frame with the largest share of ${name}: ${largest}.`);
  offer("rows.csv", found.files["rows.csv"], "text/csv");
  offer("events.csv", found.files["events.csv"], "text/csv");
  offer("timeline.svg", found.files["timeline.svg"], "image/svg+xml");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (input.files.length === 1) send(input.files[0]);
  else refuse("Choose a picture or a video first.");
});
byId("stop").addEventListener("click", () => request && request.abort());
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name !== "drop" || !event.dataTransfer.files.length || byId("send").disabled) return;
    if (event.dataTransfer.files.length > 1) return refuse("Drop one file at a time.");
    input.files = event.dataTransfer.files;
    send(input.files[0]);
  });
}
