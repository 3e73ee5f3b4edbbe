"""The cashier's pages: plain HTML forms and one style sheet, nothing from elsewhere."""

from __future__ import annotations

STYLE = """
:root{--ink:#1d2a26;--soft:#5d6d67;--line:#d9e2dd;--paper:#f4f7f5;--card:#fff;--leaf:#1f6f54;
--leaf-soft:#e2f1ea;--warn:#9a5b00;--warn-soft:#fdf0d9;--bad:#a12b2b;--bad-soft:#fbe4e4}
*{box-sizing:border-box}body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--paper)}
header{background:var(--leaf);color:#fff}
header>div{max-width:72rem;margin:auto;padding:.9rem 1.2rem;display:flex;gap:1.4rem;align-items:baseline;flex-wrap:wrap}
header strong{font-size:1.1rem}header a{color:#fff;text-decoration:none;padding:.2rem .1rem;
border-bottom:2px solid transparent}header a[aria-current]{border-color:#fff}
header span{margin-left:auto;opacity:.85;font-size:.85rem}
main{max-width:72rem;margin:1.4rem auto;padding:0 1.2rem;display:grid;gap:1rem}
h1{font-size:1.35rem;margin:0}h2{font-size:1.05rem;margin:0}p{margin:.3rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.8rem;padding:1rem 1.2rem}
.row{display:flex;gap:.6rem;align-items:center;flex-wrap:wrap}.row>.push{margin-left:auto}
.card>.row+.row{margin-top:.6rem}
.soft{color:var(--soft)}.small{font-size:.86rem}
.tag{display:inline-block;padding:.1rem .6rem;border-radius:1rem;font-size:.82rem;
background:var(--leaf-soft);color:var(--leaf)}
.tag.wait{background:var(--warn-soft);color:var(--warn)}
.tag.bad{background:var(--bad-soft);color:var(--bad)}.tag.done{background:#e8ecea;color:var(--soft)}
table{width:100%;border-collapse:collapse;margin:.6rem 0}th{text-align:left;font-weight:600;
color:var(--soft);font-size:.84rem}td,th{padding:.35rem .5rem;border-bottom:1px solid var(--line);
vertical-align:top}td.num,th.num{text-align:right;font-variant-numeric:tabular-nums}
button,.button{font:inherit;padding:.35rem .9rem;border-radius:.5rem;border:1px solid var(--line);
background:#fff;color:var(--ink);cursor:pointer}button.main{background:var(--leaf);
border-color:var(--leaf);color:#fff}button.bad{color:var(--bad);border-color:#e6bcbc}
button:focus-visible,input:focus-visible,select:focus-visible,a:focus-visible{
outline:3px solid #8fc7b2;outline-offset:2px}
input,select{font:inherit;padding:.3rem .5rem;border:1px solid #b9c7c0;border-radius:.45rem;
background:#fff}input.short{width:6.5rem}form{display:inline-flex;gap:.4rem;align-items:center;
flex-wrap:wrap;margin:0}.note{background:var(--leaf-soft);border-color:#bfe0d2}
.note.bad{background:var(--bad-soft);border-color:#efc4c4}
img.thumb{width:3rem;height:3rem;border-radius:.5rem;display:block}
.grid{display:grid;gap:.7rem;grid-template-columns:repeat(auto-fit,minmax(21rem,1fr))}
"""

BASE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}Register{% endblock %} - COVA simulator</title>
<link rel="stylesheet" href="/_register/style.css">{% block head %}{% endblock %}</head>
<body><header><div><strong>{{ company }}</strong>
{% for path, word in (('/', 'Orders'), ('/_register/products', 'Products'),
 ('/_register/switches', 'Switches and faults')) %}
<a href="{{ path }}"{% if path == request.path %} aria-current="page"{% endif %}>{{ word }}</a>
{% endfor %}<span>Simulated register, invented people. {{ now }}</span></div></header>
<main>{% if note %}<div class="card note{% if is_bad %} bad{% endif %}" role="status">{{ note }}
</div>{% endif %}{% block content %}{% endblock %}</main></body></html>
"""

ORDERS = """{% extends 'register/base.html' %}
{% block title %}Orders{% endblock %}
{% block head %}<meta http-equiv="refresh" content="10">{% endblock %}
{% block content %}
<div class="row"><h1>Incoming orders</h1><span class="push soft small">
{{ open_count }} open, {{ orders|length }} in all; the page renews itself every 10 s</span></div>
{% for order in orders %}
<article class="card"><div class="row"><h2>Order {{ order.number }}</h2>
<span class="tag {{ order.tone }}">{{ order.status }}</span>
{% if order.status == 'ReadyForPayment' %}<span class="tag wait">{{ order.fulfilment }}</span>
{% endif %}<span class="tag done">{{ 'Delivery' if order.is_delivery else 'Pickup' }}</span>
<span class="push"><b>{{ "%.2f"|format(order.sale_total) }}</b>
{% if order.is_paid %}<span class="tag">paid online</span>{% endif %}</span></div>
<p>{{ order.who }}{% if order.phone %}, {{ order.phone }}{% endif %}
{% if order.address %}<br><span class="soft">{{ order.address }}</span>{% endif %}</p>
<p class="soft small">Web order {{ order.external_order_id or '-' }}, sent
{{ order.received_puts }} time{{ '' if order.received_puts == 1 else 's' }}, {{ order.id }}</p>
{% if order.message %}<p class="tag bad">{{ order.message }}</p>{% endif %}
<table><thead><tr><th>Product</th><th class="num">Quantity</th>
<th class="num">Line</th></tr></thead>
<tbody>{% for line in order.lines %}<tr><td>{{ line.name }}</td>
<td class="num">{{ line.quantity }}</td><td class="num">{{ "%.2f"|format(line.amount) }}</td></tr>{% endfor %}
</tbody></table>
{% if order.status == 'ReadyForPayment' %}<form method="post"
action="/_register/orders/{{ order.id }}"><button class="main" name="do" value="complete">
Hand over and complete</button><button name="do" value="InProgress">Mark in progress</button>
<button name="do" value="ReadyForPickup">Ready for pickup</button>
<button class="bad" name="do" value="cancel">Cancel</button></form>{% endif %}</article>
{% else %}<div class="card"><p>No orders yet. One that is confirmed in the shop appears here.</p>
</div>{% endfor %}{% endblock %}
"""

PRODUCTS = """{% extends 'register/base.html' %}
{% block title %}Products{% endblock %}{% block content %}
<div class="row"><h1>Products</h1><form class="push" method="get" action="/_register/products">
<label for="search" class="small soft">Name, SKU or class</label>
<input id="search" name="search" value="{{ search }}"><button>Search</button></form></div>
<p class="soft small">{{ total }} found; {{ products|length }} shown.
{% if previous is not none %}
<a href="?search={{ search|urlencode }}&amp;skip={{ previous }}">Back</a>
{% endif %}{% if following is not none %}
<a href="?search={{ search|urlencode }}&amp;skip={{ following }}">Further</a>{% endif %}</p>
{% for item in products %}
<article class="card"><div class="row">{% if item.picture %}
<img class="thumb" src="{{ item.picture }}" alt="">{% endif %}<div><h2>{{ item.name }}</h2>
<span class="soft small">{{ item.catalog_sku }}, {{ item.classification }}</span></div>
<span class="push"><span class="tag {{ '' if item.lifecycle == 'Active' else 'bad' }}">
{{ item.lifecycle }}</span>{% if item.on_sale %} <span class="tag wait">sale price</span>{% endif %}
<b>{{ 'no price' if item.price is none else '%.2f'|format(item.price) }}</b></span></div>
<div class="row">{% for room in item.rooms %}<form method="post"
action="/_register/products/{{ item.id }}"><input type="hidden" name="do" value="stock">
<input type="hidden" name="room_id" value="{{ room.id }}"><label class="small soft"
for="r{{ room.id }}-{{ item.id }}">{{ room.name }}</label><input class="short"
id="r{{ room.id }}-{{ item.id }}" name="quantity" value="{{ room.quantity }}" inputmode="decimal">
<button>Count</button></form>{% endfor %}</div>
<div class="row"><form method="post" action="/_register/products/{{ item.id }}">
<label class="small soft" for="p-{{ item.id }}">Price</label><input class="short"
id="p-{{ item.id }}" name="price" value="{{ item.price if item.price is not none else '' }}"
inputmode="decimal"><button name="do" value="price">Set price</button></form>
<form method="post" action="/_register/products/{{ item.id }}"><label class="small soft"
for="s-{{ item.id }}">Sale price, days</label><input class="short" id="s-{{ item.id }}"
name="price" inputmode="decimal"><input class="short" name="days" value="7" aria-label="Days"
inputmode="numeric"><button name="do" value="sale">Put on sale</button></form>
<form method="post" action="/_register/products/{{ item.id }}">
{% if item.on_sale %}<button name="do" value="end_sale">End sale</button>{% endif %}
<button name="do" value="sell">Sell one in the shop</button>
{% if item.is_archived %}<button name="do" value="restore">Restore</button>
{% else %}<button class="bad" name="do" value="archive">Archive</button>{% endif %}</form></div>
</article>{% endfor %}{% endblock %}
"""

SWITCHES = """{% extends 'register/base.html' %}
{% block title %}Switches and faults{% endblock %}{% block content %}
<h1>Faults</h1><div class="card"><form method="post" action="/_register/faults">
<label class="small soft" for="operation">Call</label><select id="operation" name="operation">
<option value="">every call</option>{% for name in operations %}<option>{{ name }}</option>
{% endfor %}</select><label class="small soft" for="action">does</label>
<select id="action" name="action">{% for name in actions %}<option>{{ name }}</option>{% endfor %}
</select><label class="small soft" for="times">times (empty: for ever)</label>
<input class="short" id="times" name="times" value="1" inputmode="numeric">
<label class="small soft" for="seconds">seconds</label><input class="short" id="seconds"
name="seconds" inputmode="decimal"><button class="main" name="do" value="add">Add</button>
<button class="bad" name="do" value="clear">Clear all</button></form>
{% if faults %}<table><thead><tr><th>Call</th><th>Fault</th><th class="num">Left</th>
<th class="num">Hits</th></tr></thead><tbody>{% for rule in faults %}<tr>
<td>{{ rule.operation or rule.path or 'every call' }}</td><td>{{ rule.action }}</td>
<td class="num">{{ 'for ever' if rule.times is none else rule.times }}</td>
<td class="num">{{ rule.hits }}</td></tr>{% endfor %}</tbody></table>
{% else %}<p class="soft small">No fault is waiting.</p>{% endif %}</div>
<h1>Switches</h1><p class="soft">What nobody knows about COVA for certain, to be set either way.</p>
<div class="grid">{% for switch in switches %}<div class="card"><form method="post"
action="/_register/switches"><label for="w-{{ switch.name }}"><b>{{ switch.name }}</b></label>
{% if switch.choices %}<select id="w-{{ switch.name }}" name="{{ switch.name }}">
{% for word in switch.choices %}<option{% if word == switch.value %} selected{% endif %}>{{ word }}
</option>{% endfor %}</select>{% else %}<input id="w-{{ switch.name }}" name="{{ switch.name }}"
value="{{ switch.value }}">{% endif %}<button>Set</button></form></div>{% endfor %}</div>
<h1>Clock</h1><div class="card"><form method="post" action="/_register/clock">
<label class="small soft" for="clock">Move on by seconds</label><input class="short" id="clock"
name="seconds" value="3600" inputmode="numeric"><button>Move</button></form></div>{% endblock %}
"""

TEMPLATES = {
    "register/base.html": BASE,
    "register/orders.html": ORDERS,
    "register/products.html": PRODUCTS,
    "register/switches.html": SWITCHES,
}
