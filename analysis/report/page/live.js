// Follow a running search: ask the server that this page comes from whether there is anything new.

const EVERY = 2000;  // milliseconds

const live = {
  version: null,

  async ask() {
    const state = document.getElementById("state");
    try {
      const answer = await fetch(`news?version=${this.version ?? ""}`, {cache: "no-store"});
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      say(state, `${news.state} This page looks every ${EVERY / 1000} s.`);
      if (news.data) take(news);
      this.version = news.version;
    } catch {
      say(state, "The server of this page no longer answers: it was ended, or the machine is gone. What is below is what was last heard.");
    }
    setTimeout(() => this.ask(), EVERY);
  },
};

function say(where, text) { if (where.textContent !== text) where.textContent = text; }

function take(news) {
  const here = [scrollX, scrollY], box = document.querySelector("#trials .scroll"), inside = [box.scrollLeft, box.scrollTop];
  for (const [name, html] of Object.entries(news.sections)) exchange(document.querySelector(`[data-section="${name}"]`), html);
  DATA = news.data;
  choices();
  table.refresh();
  table.more(table.rows.length);
  box.scrollTo(...inside);
  scrollTo({left: here[0], top: here[1], behavior: "instant"});
}

function exchange(section, html) {  // escaped by the server's templates, as the page itself
  if (section.dataset.was === html) return;
  const open = new Map([...section.querySelectorAll("details")].map((each) => [each.dataset.key, each.open]));
  section.innerHTML = section.dataset.was = html;
  for (const each of section.querySelectorAll("details")) if (open.has(each.dataset.key)) each.open = open.get(each.dataset.key);
}
