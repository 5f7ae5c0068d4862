"""A person in a browser without JavaScript: keeps cookies, follows redirects, signs in, and allows what an application asks."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx


class Person:
    def __init__(self, base, email, password):
        self.base, self.fields = base, {"email": email, "password": password}
        self.browser = httpx.Client(timeout=30, headers={"Accept": "text/html,*/*;q=0.8"})

    def visit(self, address):
        """Opens the address, and follows it through the pages until it leaves the server. Returns where it leads."""
        following = self.follow(self.browser.get(address), lambda following: not following.startswith(f"{self.base}/"))
        assert isinstance(following, str), following.text
        return following

    def open(self, address):
        """Opens an application's address, and follows it, by way of the pages, to a page of the application."""
        answer = self.follow(self.browser.get(address))
        assert not str(answer.url).startswith(f"{self.base}/"), answer.text
        return answer

    def enter_code(self, address, code):
        """Enters the code of a device at the address that it shows, and allows what it asks."""
        self.fields["user_code"] = code
        self.follow(self.browser.get(address))

    def follow(self, answer, leaves=lambda _: False):
        for _ in range(20):
            if answer.is_redirect:
                following = urljoin(str(answer.url), answer.headers["location"])
                if leaves(following):
                    return following
                answer = self.browser.get(following)
                continue
            form = own_form(answer.text) if str(answer.url).startswith(f"{self.base}/") else None
            if not form:
                return answer
            action, fields = form
            fields |= {name: value for name, value in self.fields.items() if name in fields}
            answer = self.send(urljoin(str(answer.url), action), fields)
        raise AssertionError("the pages do not end")

    def sign_out(self):
        """Signs out of Countersign itself, which tells the applications."""
        page = self.browser.get(f"{self.base}/signout").text
        [fields] = [fields for action, fields in forms(page) if action.startswith("/signout")]
        assert self.send(f"{self.base}/signout", fields).is_redirect

    def send(self, address, fields):
        """Sends a form of the server's own pages."""
        return self.browser.post(address, data=fields, headers={"Origin": self.base, "Sec-Fetch-Site": "same-origin"})


def own_form(page):
    """The form that signs in, allows, continues or asks for a code: its action, and its fields with those that are hidden."""
    for action, fields in forms(page):
        if {"password", "user_code", "decision"} & fields.keys():
            return action, fields
    return None


def forms(page):
    reader = Forms()
    reader.feed(page)
    return reader.forms


class Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append((attributes.get("action", ""), {}))
        is_other = tag == "button" and attributes.get("value") == "cancel"
        if self.forms and tag in ("input", "button") and attributes.get("name") and not is_other:
            self.forms[-1][1][attributes["name"]] = attributes.get("value", "")
