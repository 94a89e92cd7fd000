// The chosen theme, before anything is drawn.
const chosen = localStorage.getItem("eventlore-theme");
if (chosen) document.documentElement.dataset.theme = chosen;
