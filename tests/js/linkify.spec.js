/** Which parts of a text become links, and which never do. */

import { linkify } from "../../static/js/domain/linkify.js";
import { same } from "./expect.js";

const links = (text) => linkify(text).filter((token) => token.type === "link").map((token) => token.text);

export default {
  "a plain text is one token": () => same(linkify("hello"), [{ type: "text", text: "hello" }]),
  "an empty text has none": () => same(linkify(""), []),
  "a link stands between its neighbours": () =>
    same(linkify("see https://a.example/x now"), [
      { type: "text", text: "see " },
      { type: "link", text: "https://a.example/x", href: "https://a.example/x" },
      { type: "text", text: " now" },
    ]),
  "the tokens joined are the text": () => {
    const text = "a https://x.example/?q=1&b=(2), (http://y.example). https://";
    same(linkify(text).map((token) => token.text).join(""), text);
  },
  "punctuation after an address belongs to the sentence": () => {
    for (const end of [".", ",", "!", "?", ":", "\u2026", "\u060c", "\u061f", "\u3002", ").", '".', "'"]) {
      same(links(`https://a.example/b${end}`), ["https://a.example/b"]);
    }
  },
  "a bracket that was opened inside stays": () =>
    same(links("(https://a.example/w_(x))"), ["https://a.example/w_(x)"]),
  "only http and https are links": () => {
    for (const text of ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "//a.example", "www.a.example"]) {
      same(links(text), []);
    }
  },
  "a scheme hidden in a word is none": () => same(links("xhttp://a.example"), []),
  "an address without a host is none": () => same(links("http:// https://? http://"), []),
  "one that could pass for another site is none": () => same(links("https://bank.example@evil.example"), []),
  "it ends at bidi controls": () => same(links("https://a.example/\u202egpj.exe"), ["https://a.example/"]),
  "the scheme may be in capitals": () => same(links("HTTPS://A.example/X"), ["HTTPS://A.example/X"]),
  "a hostile text is read in good time": () => {
    const began = performance.now();
    for (const piece of ["http://", "https://a(", ")", "https://a.example/!!!!"]) linkify(piece.repeat(1000).slice(0, 4000));
    if (performance.now() - began > 200) throw new Error(`${performance.now() - began} ms`);
  },
};
