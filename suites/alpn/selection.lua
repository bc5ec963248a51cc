-- What a TLS server selects from the names that it is offered (RFC 7301 sections 3.1 and 3.2, RFC 9113 sections 3.1 and 3.2).
suite { "selection", title = "ALPN: the selected protocol", rfc = 7301, section = "3.2",
  modes = { "alpn" }, start = "tcp" }

-- Rows for `each`, called by the names that they offer.
local function offers(...)
  local rows = { ... }
  for _, offer in ipairs(rows) do
    offer.label = table.concat(offer, ", ")
  end
  return rows
end

-- A case that offers each list of names and has to come to one of the outcomes.
local function offering(given)
  local outcomes = given.outcomes
  given.outcomes = nil
  given.run = function(conn, offer)
    conn:start_tls { alpn = offer }
    conn:expect(any_of(outcomes(offer)))
  end
  case(given)
end

-- Any answer that RFC 7301 knows: one of these names, none, or an alert.
local function any_answer(names)
  return { selects(names), no_alpn(), tls_alert() }
end

local function grease(first, last)
  local names = {}
  for number = first, last do
    names[#names + 1] = string.char(number * 16 + 10):rep(2) -- RFC 8701: 0x0A0A, 0x1A1A ... 0xFAFA
  end
  return table.unpack(names)
end

local function numbered(count)
  local names = {}
  for number = 1, count do
    names[number] = "x-h2probe-" .. number
  end
  return names
end

local function joined(...)
  local names = {}
  for _, list in ipairs { ... } do
    table.move(list, 1, #list, #names + 1, names)
  end
  return names
end

offering {
  id = "offered-name",
  title = "the selected name is one of those that were offered",
  req = "RFC7301-3.2-3",
  each = offers({ "h2" }, { "h2", "http/1.1" }, { "http/1.1", "h2" }, { "http/1.1" }, { "http/1.1", "x-h2probe" },
    { "h2-14" }, { "http/1.0" }),
  outcomes = any_answer,
}

offering {
  id = "name-complete",
  title = "the selected name is not truncated",
  req = "RFC7301-3.1-3",
  each = offers({ "http/1.1" }, { "h2", "http/1.1" }, { "h2" }),
  outcomes = any_answer,
}

offering {
  id = "h2-with-http1",
  title = "h2 and http/1.1 are offered, in both orders",
  req = "RFC7301-3.1-4",
  violate = "RFC7301-3.1-4=several",
  each = offers({ "h2", "http/1.1" }, { "http/1.1", "h2" }),
  outcomes = function(offer) return { selects(offer) } end,
}

case {
  id = "own-preference",
  title = "the same name is selected whatever the order of the offer",
  req = "RFC7301-3.2-1",
  run = function(conn)
    local other = connect {}
    local first, second = conn:start_tls { alpn = { "h2", "http/1.1" } }, other:start_tls { alpn = { "http/1.1", "h2" } }
    if not first or not second then skip "no handshake with both names" end
    check(first.alpn == second.alpn, "the same name both times, by the server's own preference",
      ("%s, in the other order %s"):format(first.alpn or "no name", second.alpn or "no name"))
  end,
}

offering {
  id = "h2c-never",
  title = "h2c, the name for cleartext TCP, is never selected",
  req = "RFC9113-3.2-3",
  each = offers({ "h2c" }, { "h2c", "h2" }, { "h2", "h2c" }, { "h2c", "http/1.1" }),
  outcomes = function() return any_answer { "h2", "http/1.1" } end,
}

offering {
  id = "h2c-beside-h2",
  title = "h2c is passed over where h2 is offered too",
  req = "RFC7301-3.1-4",
  each = offers({ "h2c", "h2" }),
  outcomes = function() return { selects "h2" } end,
}

-- Names that are not h2, and the reading that would take them for it.
for _, row in ipairs {
  { id = "upper-case", title = "H2 is not h2", violate = "RFC9113-3.1-1=case", names = { "H2" } },
  { id = "with-space", title = "h2 with white space is not h2", violate = "RFC9113-3.1-1=trim", names = { "h2 ", " h2", "h2\t" } },
  { id = "with-nul", title = "h2 with NUL is not h2", violate = "RFC9113-3.1-1=trim", names = { "h2\0", "h2\0\0\0" } },
  { id = "longer", title = "a name that begins with h2 is not h2", violate = "RFC9113-3.1-1=prefix",
    names = { "h22", "h2/", "h2-h2probe", "h2c-14" } },
} do
  local rows = {}
  for position, name in ipairs(row.names) do
    rows[position] = { name, label = name }
  end
  offering {
    id = row.id, title = row.title, req = "RFC9113-3.1-1", violate = row.violate, each = rows,
    outcomes = function() return { selects "http/1.1", no_alpn(), tls_alert() } end, -- but not h2, and not this name
  }
end

offering {
  id = "draft-names",
  title = "names of drafts of HTTP/2 stand before h2",
  req = "RFC7301-3.1-4",
  each = offers({ "h2-14", "h2" }, { "h2-16", "h2-15", "h2" }),
  outcomes = function(offer) return { selects(offer) } end, -- who still knows a draft may select it
}

offering {
  id = "unknown-names-ignored",
  title = "unknown names beside h2 are ignored",
  req = "RFC7301-3.1-4",
  each = offers({ "x-h2probe", "h2" }, { "x-h2probe", "H2", "h2" }, { "x", "h2", "http/1.1" }),
  outcomes = function() return { selects("h2", "http/1.1") } end,
}

offering {
  id = "grease",
  title = "GREASE names (RFC 8701) beside h2 are ignored",
  req = "RFC7301-3.1-4",
  violate = "RFC7301-3.1-4=binary",
  each = offers({ grease(0, 0), "h2" }, { "h2", grease(13, 13) }, joined({ grease(0, 15) }, { "h2" })),
  outcomes = function() return { selects "h2" } end,
}

offering {
  id = "odd-octets",
  title = "names of any octets beside h2 are ignored",
  req = "RFC7301-3.1-4",
  violate = "RFC7301-3.1-4=binary",
  each = offers({ "\0", "h2" }, { "\255\254", "h2" }, { "\0h2", "h2" }, { "\2h2", "h2" }),
  outcomes = function() return { selects "h2" } end,
}

offering {
  id = "h2-twice",
  title = "h2 is offered twice",
  req = "RFC7301-3.1-4",
  violate = "RFC7301-3.1-4=twice",
  each = offers({ "h2", "h2" }, { "h2", "h2", "http/1.1", "http/1.1" }),
  outcomes = function(offer) return { selects(offer) } end,
}

offering {
  id = "hundred-names",
  title = "100 names are offered, h2 among them",
  req = "RFC7301-3.1-4",
  violate = "RFC7301-3.1-4=many",
  each = {
    joined({ label = "h2 first", "h2" }, numbered(99)), joined(numbered(99), { "h2" }),
    joined(numbered(50), { "h2" }, numbered(49)),
  },
  outcomes = function() return { selects "h2" } end,
}

offering {
  id = "longest-name",
  title = "a name of 255 octets stands beside h2",
  req = "RFC7301-3.1-4",
  violate = "RFC7301-3.1-4=long",
  each = { { label = "before h2", octets(255, "x"), "h2" }, { label = "after h2", "h2", octets(255, "x") } },
  outcomes = function() return { selects "h2" } end,
}

local UNKNOWN = offers({ "x-h2probe" }, { "x-h2probe", "y-h2probe" }, { grease(5, 5) }, { octets(255, "x") })

offering {
  id = "nothing-known-nothing-selected",
  title = "only unknown names are offered, and none of them is selected",
  req = "RFC7301-3.2-2",
  violate = "RFC7301-3.2-2=select",
  each = UNKNOWN,
  outcomes = function() return { tls_alert(), no_alpn() } end,
}

offering {
  id = "no-overlap",
  title = "only unknown names are offered, and the handshake ends with no_application_protocol",
  req = "RFC7301-3.2-2",
  caught = "warn",
  each = UNKNOWN,
  outcomes = function()
    return { tls_alert "no_application_protocol", soft(no_alpn(), "instead of the alert no_application_protocol") }
  end,
}

case {
  id = "no-overlap-no-http2",
  title = "after a handshake in which no name was selected the HTTP/2 preface is not answered with HTTP/2",
  req = "RFC9113-3.3-4",
  violate = "RFC9113-3.3-4=overlap",
  run = function(conn)
    local tls = conn:start_tls { alpn = { "x-h2probe" } }
    if not tls then return note "the handshake is refused" end
    conn:send_octets(PREFACE)
    conn:send_settings()
    conn:expect(no_http2())
  end,
}
