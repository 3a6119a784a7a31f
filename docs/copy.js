// A button on every block of code that copies it.

for (const block of document.querySelectorAll("pre > code")) {
  const button = document.createElement("button");
  Object.assign(button, {type: "button", className: "btn btn-sm btn-outline-secondary", textContent: "Copy"});
  button.style.cssText = "position: absolute; top: .2rem; right: .2rem; padding: 0 .4rem; font-size: .7rem; line-height: 1.4;";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.textContent.trimEnd());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  block.parentElement.style.position = "relative";
  block.parentElement.append(button);
}
