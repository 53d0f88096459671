package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// words are functions for expressions.
const words = `
const $ = (s) => document.querySelector(s);
const $$ = (s) => [...document.querySelectorAll(s)];
const text = (s) => $(s)?.innerText.trim() ?? '';
const texts = (s) => $$(s).map((e) => e.innerText.trim());
const seen = (e) => Boolean(e) && e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 0;
`

// js replaces each ¿ in an expression by a value, as JSON.
func js(expression string, values ...any) string {
	parts := strings.Split(expression, "¿")
	if len(parts) != len(values)+1 {
		panic("the expression has another number of values: " + expression)
	}
	var b strings.Builder
	b.WriteString(parts[0])
	for i, v := range values {
		j, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		b.Write(j)
		b.WriteString(parts[i+1])
	}
	return b.String()
}

// get evaluates an expression now.
func get[T any](p *page, expression string, values ...any) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T]("(async () => {"+words+"return ("+js(expression, values...)+");})()", chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", js(expression, values...), err)
	}
	return v
}

// await waits until an expression is true. If it never is, the failure shows its meaning.
func (p *page) await(meaning, expression string, values ...any) {
	p.t.Helper()
	awaited[bool](p, meaning, "Boolean("+expression+")", values...)
}

// awaited waits until an expression is truthy, and returns its value.
func awaited[T any](p *page, meaning, expression string, values ...any) T {
	p.t.Helper()
	const loop = `(async () => {` + words + `
		const end = performance.now() + ¿;
		let problem = '';
		while (performance.now() < end) {
			try {
				const found = (EXPRESSION);
				if (found) return { found };
			} catch (e) { problem = String(e); }
			await new Promise((resolve) => setTimeout(resolve, 25));
		}
		return { problem, page: document.body.innerText.slice(0, 3000) };
	})()`
	code := js(strings.Replace(loop, "EXPRESSION", expression, 1), append([]any{patience.Milliseconds()}, values...)...)
	ctx, cancel := context.WithTimeout(p.ctx, patience+30*time.Second)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
		Found   *T
		Problem string
		Page    string
	}](code, chromedp.EvalAwaitPromise))
	switch {
	case err != nil:
		p.t.Fatalf("%s: %v", meaning, err)
	case got.Found == nil:
		p.t.Fatalf("not true after %v: %s\n%s %s\nThe page shows:\n%s", patience, meaning, js(expression, values...), got.Problem, got.Page)
	}
	return *got.Found
}

// never checks that an expression is false now. Call it when everything that could make it true has happened.
func (p *page) never(meaning, expression string, values ...any) {
	p.t.Helper()
	if get[bool](p, "Boolean("+expression+")", values...) {
		p.t.Errorf("must not be true: %s", meaning)
	}
}

// click waits until an element is in view, enabled, not moving and not covered, and clicks on it with the mouse.
func (p *page) click(selector string) {
	p.t.Helper()
	p.clickOn("an element to click: "+selector, js("$(¿)", selector))
}

// clickText clicks on the element with that text.
func (p *page) clickText(selector, label string) {
	p.t.Helper()
	p.clickOn("an element to click: "+selector+" with the text "+label, js("$$(¿).find((e) => e.innerText.trim() === ¿)", selector, label))
}

// clickDisabled clicks on a disabled element.
func (p *page) clickDisabled(selector string) {
	p.t.Helper()
	at := awaited[struct{ X, Y float64 }](p, "a disabled element: "+selector, `(() => {
		const e = $(¿);
		e.scrollIntoView({ block: 'nearest', behavior: 'instant' });
		const b = e.getBoundingClientRect();
		return { x: b.x + b.width / 2, y: b.y + b.height / 2 };
	})()`, selector)
	p.must(chromedp.Do(p.ctx, chromedp.MouseClickXY(at.X, at.Y)))
}

// clickOn aims at an element and clicks. Elements may move between the two, for example when a list gets a new row. Then the click has no
// effect on what it hits, and clickOn aims again, as a person would.
func (p *page) clickOn(meaning, element string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		at := awaited[struct{ X, Y float64 }](p, meaning, `await (async () => {
			const e = `+element+`;
			if (!seen(e) || e.disabled) return null;
			e.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
			const before = e.getBoundingClientRect();
			await new Promise((resolve) => setTimeout(resolve, 50));
			const b = e.getBoundingClientRect();
			if (b.x !== before.x || b.y !== before.y || b.width !== before.width) return null;
			const x = b.x + Math.min(b.width / 2, 60), y = b.y + Math.min(b.height / 2, 40);
			const on = (top) => e.contains(top) || top?.control === e || [...e.labels ?? []].some((l) => l.contains(top));
			if (!on(document.elementFromPoint(x, y))) return null;
			`+watchClick+`
			return { x, y };
		})()`)
		p.must(chromedp.Do(p.ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y)))
		if get[bool](p, "window.unwatchClick()") {
			return
		}
	}
	p.t.Fatalf("%s: it does not stay in its place", meaning)
}

// watchClick blocks the events of a click that misses. window.unwatchClick ends this and returns whether the click has hit.
const watchClick = `
	const events = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
	let hit = false;
	const watch = (event) => {
		if (!on(event.target)) {
			event.preventDefault();
			event.stopImmediatePropagation();
		} else if (event.type === 'click') hit = true;
	};
	for (const type of events) addEventListener(type, watch, true);
	window.unwatchClick = () => {
		for (const type of events) removeEventListener(type, watch, true);
		return hit;
	};
`

// focused waits until an element has the focus.
func (p *page) focused(selector string) {
	p.t.Helper()
	p.await("the focus is on "+selector, "document.activeElement === $(¿)", selector)
}

// write clicks on a field and types.
func (p *page) write(selector, what string) {
	p.t.Helper()
	p.click(selector)
	p.focused(selector)
	p.press(what)
}

// press presses keys one after the other.
func (p *page) press(keys ...string) {
	p.t.Helper()
	for _, k := range keys {
		p.must(chromedp.Do(p.ctx, chromedp.KeyEvent(k)))
	}
}

// tab presses Tab until an element has the focus.
func (p *page) tab(selector string) {
	p.t.Helper()
	for range 80 {
		if get[bool](p, "document.activeElement?.matches(¿) ?? false", selector) {
			p.await("the focus can be seen on "+selector, "$(':focus').matches(':focus-visible')")
			return
		}
		p.press(kb.Tab)
	}
	p.t.Fatalf("pressing Tab 80 times does not reach %s", selector)
}
