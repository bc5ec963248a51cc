-- Field lists and what is wrong with messages, row by row (RFC 9113 sections 8.2, 8.3).
local fields = require "h2probe.fields"

local GET = { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "h" }, { ":path", "/" } }

local function ids(faults, key)
  local list = {}
  for _, fault in ipairs(faults) do
    list[#list + 1] = fault[key or "req"] or "-"
  end
  return table.concat(list, " ")
end

-- what, list, rule that the receiver enforces ("" if nothing is wrong), rule that the sender broke
local REQUESTS = {
  { "an ordinary one", GET, "" },
  { "te: trailers", fields.with(GET, { "te", "trailers" }), "" },
  { "odd but valid names and values", fields.with(GET, { "x!#$%&'*+-.^_`|~9", "a\tb \255" }), "" },
  { "size updates", { fields.size_update(0), table.unpack(GET) }, "" },
  { "upper case", fields.with(GET, { "X-a", "1" }), "RFC9113-8.2.1-1", "RFC9113-8.2-1" },
  { "space", fields.with(GET, { "x a", "1" }), "RFC9113-8.2.1-2" },
  { "NUL in a name", fields.with(GET, { "x\0a", "1" }), "RFC9113-8.2.1-3" },
  { "LF in a name", fields.with(GET, { "x\na", "1" }), "RFC9113-8.2.1-4" },
  { "control in a name", fields.with(GET, { "x\1a", "1" }), "RFC9113-8.2.1-5" },
  { "DEL", fields.with(GET, { "x\127", "1" }), "RFC9113-8.2.1-6" },
  { "high octet", fields.with(GET, { "x\128", "1" }), "RFC9113-8.2.1-7" },
  { "colon", fields.with(GET, { "x:a", "1" }), "RFC9113-8.2.1-8" },
  { "no token", fields.with(GET, { "x(a", "1" }), "RFC9113-8.2.1-9" },
  { "empty name", fields.with(GET, { "", "1" }), "RFC9113-8.2.1-9" },
  { "NUL in a value", fields.with(GET, { "x", "a\0b" }), "RFC9113-8.2.1-10" },
  { "LF in a value", fields.with(GET, { "x", "a\nb" }), "RFC9113-8.2.1-11" },
  { "CR in a value", fields.with(GET, { "x", "a\rb" }), "RFC9113-8.2.1-12" },
  { "leading space", fields.with(GET, { "x", " a" }), "RFC9113-8.2.1-13" },
  { "trailing tab", fields.with(GET, { "x", "a\t" }), "RFC9113-8.2.1-14" },
  { "control in a value", fields.with(GET, { "x", "a\1b" }), "RFC9113-8.2.1-15" },
  { "connection", fields.with(GET, { "connection", "close" }), "RFC9113-8.2.2-2", "RFC9113-8.2.2-1" },
  { "proxy-connection", fields.with(GET, { "proxy-connection", "x" }), "RFC9113-8.2.2-3", "RFC9113-8.2.2-1" },
  { "keep-alive", fields.with(GET, { "keep-alive", "x" }), "RFC9113-8.2.2-4", "RFC9113-8.2.2-1" },
  { "chunked", fields.with(GET, { "transfer-encoding", "chunked" }), "RFC9113-8.2.2-5", "RFC9113-8.1-6" },
  { "upgrade", fields.with(GET, { "upgrade", "h2c" }), "RFC9113-8.2.2-6", "RFC9113-8.2.2-1" },
  { "te: gzip", fields.with(GET, { "te", "gzip" }), "RFC9113-8.2.2-7" },
  { ":status", fields.with({ { ":status", "200" } }, table.unpack(GET)), "RFC9113-8.3-2", "RFC9113-8.3-1" },
  { "undefined", fields.with({ { ":x", "200" } }, table.unpack(GET)), "RFC9113-8.3-4", "RFC9113-8.3-1" },
  { "late", fields.with(fields.without(GET, ":path"), { "x", "1" }, { ":path", "/" }), "RFC9113-8.3-5" },
  { "twice :method", fields.with(GET, { ":method", "GET" }), "RFC9113-8.3-6", "RFC9113-8.3.1-20" },
  { "twice :scheme", fields.with(GET, { ":scheme", "https" }), "RFC9113-8.3-7", "RFC9113-8.3.1-20" },
  { "twice :path", fields.with(GET, { ":path", "/" }), "RFC9113-8.3-8", "RFC9113-8.3.1-20" },
  { "twice :authority", fields.with(GET, { ":authority", "h" }), "RFC9113-8.3-9", "RFC9113-8.3.1-20" },
  { "space in :path", fields.replace(GET, ":path", "/a b"), "RFC9113-8.3-11", "RFC9113-8.3.1-20" },
  { "empty :method", fields.replace(GET, ":method", ""), "RFC9113-8.3-12", "RFC9113-8.3.1-20" },
  { "other host", fields.with(GET, { "host", "g" }), "RFC9113-8.3.1-4", "RFC9113-8.3.1-3" },
  { "equal host", fields.with(GET, { "host", "H" }), "" },
  { "userinfo", fields.replace(GET, ":authority", "u@h"), "RFC9113-8.3.1-11", "RFC9113-8.3.1-10" },
  { "empty :path", fields.replace(GET, ":path", ""), "RFC9113-8.3.1-12", "RFC9113-8.3.1-13" },
  { "relative :path", fields.replace(GET, ":path", "a"), "RFC9113-8.3.1-16", "RFC9113-8.3.1-20" },
  { "OPTIONS *", fields.replace(fields.replace(GET, ":method", "OPTIONS"), ":path", "*"), "" },
  { "GET *", fields.replace(GET, ":path", "*"), "RFC9113-8.3.1-16", "RFC9113-8.3.1-20" },
  { "another scheme's path", fields.replace(fields.replace(GET, ":scheme", "ftp"), ":path", "a"), "" },
  { "content-length", fields.with(GET, { "content-length", "12" }), "" },
  { "content-length twice", fields.with(GET, { "content-length", "1" }, { "content-length", "1" }), "" },
  { "another content-length", fields.with(GET, { "content-length", "1" }, { "content-length", "2" }), "RFC9113-8.1.1-7" },
  { "content-length of no digits", fields.with(GET, { "content-length", "0x1" }), "RFC9113-8.1.1-7" },
  { "only white space", fields.with(GET, { "x", " " }), "RFC9113-8.2.1-14" },
  { "space in :method", fields.replace(GET, ":method", "G T"), "RFC9113-8.3-11", "RFC9113-8.3.1-20" },
  { "no :method", fields.without(GET, ":method"), "RFC9113-8.3.1-17", "RFC9113-8.3.1-20" },
  { "no :scheme", fields.without(GET, ":scheme"), "RFC9113-8.3.1-18", "RFC9113-8.3.1-20" },
  { "no :path", fields.without(GET, ":path"), "RFC9113-8.3.1-19", "RFC9113-8.3.1-20" },
  { "CONNECT", { { ":method", "CONNECT" }, { ":authority", "h:1" } }, "" },
  { "CONNECT with :path", fields.replace(GET, ":method", "CONNECT"), "RFC9113-8.5-2", "RFC9113-8.5-1" },
  { "CONNECT to nowhere", { { ":method", "CONNECT" } }, "RFC9113-8.5-3", "RFC9113-8.5-1" },
}

local OK = { { ":status", "200" } }
local RESPONSES = {
  { "an ordinary one", OK, "" },
  { "interim", { { ":status", "103" } }, "" },
  { "no :status", {}, "RFC9113-8.3.2-2", "RFC9113-8.3.2-1" },
  { "two digits", { { ":status", "20" } }, "RFC9113-8.3.2-3", "RFC9113-8.3.2-1" },
  { "words", { { ":status", "200 OK" } }, "RFC9113-8.3.2-3", "RFC9113-8.3.2-1" },
  { "101", { { ":status", "101" } }, "RFC9113-8.6-2", "RFC9113-8.6-1" },
  { "twice", { { ":status", "200" }, { ":status", "200" } }, "RFC9113-8.3-10", "RFC9113-8.3.2-1" },
  { ":path", fields.with(OK, { ":path", "/" }), "RFC9113-8.3-3", "RFC9113-8.3-1" },
  { "Upper", fields.with(OK, { "Server", "x" }), "RFC9113-8.2.1-1", "RFC9113-8.2-1" },
  { "connection", fields.with(OK, { "connection", "close" }), "RFC9113-8.2.2-2", "RFC9113-8.2.2-1" },
}

local function check(rows, validate)
  for _, row in ipairs(rows) do
    it(row[1], function()
      local faults = validate(row[2])
      assert.equal(row[3], ids(faults))
      if row[4] then
        assert.equal(row[4], ids(faults, "by"))
      end
    end)
  end
end

describe("a request's fields:", function() check(REQUESTS, fields.validate_request) end)
describe("a response's fields:", function() check(RESPONSES, fields.validate_response) end)

describe("validation", function()
  it("knows extended CONNECT where it is in force", function()
    local list = fields.with({ { ":protocol", "websocket" } }, table.unpack(fields.replace(GET, ":method", "CONNECT")))
    assert.equal("", ids(fields.validate_request(list, { protocol = true })))
    assert.equal("RFC8441-3-5 RFC9113-8.5-2", ids(fields.validate_request(list)))
    for _, row in ipairs {
      { fields.replace(list, ":method", "GET"), "RFC8441-4-4" }, { fields.without(list, ":path"), "RFC8441-4-2" },
      { fields.without(list, ":scheme"), "RFC8441-4-2" },
      { fields.with({ { ":protocol", "websocket" } }, table.unpack(list)), "RFC8441-4-6" },
    } do
      assert.equal(row[2], ids(fields.validate_request(row[1], { protocol = true })))
    end
  end)

  it("refuses an interim response that ends the stream", function()
    assert.equal("RFC9113-8.1-4", ids(fields.validate_response({ { ":status", "103" } }, { end_stream = true })))
  end)

  it("refuses pseudo-headers in trailers", function()
    assert.equal("RFC9113-8.1-8", ids(fields.validate_trailers { { ":status", "200" } }))
    assert.equal("", ids(fields.validate_trailers { { "x", "1" } }))
  end)

  it("names only rules of the catalogue", function()
    local known = require("h2probe.requirements").load()
    for _, rows in ipairs { REQUESTS, RESPONSES } do
      for _, row in ipairs(rows) do
        for _, id in ipairs { row[3], row[4] } do
          assert.truthy(id == "" or known[id], id)
        end
      end
    end
  end)

  it("shows a peer's octets as printable text", function()
    local faults = fields.validate_response(fields.with(OK, { "a\0\27[2J", "1" }))
    assert.falsy(faults[1].text:find "%c")
  end)
end)

describe("a field list", function()
  it("is changed in copies", function()
    local list = fields.with(GET, { "a", "1" }, { "a", "2" })
    assert.same({ "1", "2" }, fields.all(list, "a"))
    assert.equal("1", fields.get(list, "a"))
    assert.equal(4, #fields.without(list, "a"))
    assert.equal("x", fields.get(fields.replace(list, "a", "x"), "a"))
    assert.equal("2", fields.all(fields.replace(list, "a", "x"), "a")[2])
    assert.equal(4, #GET)
    assert.is_nil(fields.get(nil, "a"))
  end)

  it("is measured as MAX_HEADER_LIST_SIZE is", function()
    assert.equal(0, fields.size {})
    assert.equal(1 + 3 + 32, fields.size { { "x", "abc" }, fields.size_update(0) })
  end)

  it("takes steering", function()
    assert.same({ kind = "indexed", index = 0 }, fields.indexed(0))
    assert.same({ "a", "b", kind = "without" }, fields.literal { "a", "b" })
    assert.same({ kind = "octets", "\0" }, fields.raw "\0")
    for _, wrong in ipairs { { "a", "b", knd = 1 }, { "a", kind = "x" } } do
      assert.has_error(function() fields.literal(wrong) end)
    end
    assert.has_error(function() fields.indexed "x" end)
  end)
end)
