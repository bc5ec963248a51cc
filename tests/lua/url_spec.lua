-- URLs of targets: what is understood, and one line for what is not.
local url = require "h2probe.url"

local GOOD = {
  { "https://example.org", "https", "example.org", 443, "example.org", "/" },
  { "HTTP://example.org", "http", "example.org", 80, "example.org", "/" },
  { "https://example.org:443/", "https", "example.org", 443, "example.org", "/" },
  { "https://example.org:8443/a/b?c=d", "https", "example.org", 8443, "example.org:8443", "/a/b?c=d" },
  { "http://127.0.0.1:8080?q", "http", "127.0.0.1", 8080, "127.0.0.1:8080", "/?q" },
  { "http://[::1]:8080/x", "http", "::1", 8080, "[::1]:8080", "/x" },
  { "https://[2001:db8::1]/", "https", "2001:db8::1", 443, "[2001:db8::1]", "/" },
  { "http://host:/", "http", "host", 80, "host", "/" },
}

local BAD = {
  { "", "has to start" }, { "localhost", "has to start" }, { "localhost:8443", "has to start" },
  { "ftp://x/", "neither https nor http" }, { "httpsx://x/", "neither" }, { "http+tcp://x/", "neither" },
  { "http://", "no host" }, { "http://:80/", "no host" }, { "http://x:0/", "1 to 65535" },
  { "http://x:65536/", "1 to 65535" }, { "http://x:8o/", "1 to 65535" }, { "http://x:-1/", "1 to 65535" },
  { "http://x:99999999999999999999/", "1 to 65535" }, { "http://[::1/", "IPv6" }, { "http://[]/", "IPv6" },
  { "http://[zz::]/", "IPv6" }, { "http://[::1]x/", "follows the host" }, { "http://u:p@x/", "user names" },
  { "http://x/#top", "fragment" }, { "http://x/a b", "spaces" }, { "http://x/\1", "control" },
  { "http://x/\xff", "0x7f" }, { "http://a,b/", "characters" }, { "http://" .. ("a"):rep(300) .. "/", "253" },
  { "http://x/" .. ("a"):rep(9000), "longer" }, { "http+unix://relative/", "Unix socket" },
}

describe("url.parse", function()
  for _, row in ipairs(GOOD) do
    it("understands " .. row[1], function()
      local parsed = assert(url.parse(row[1]))
      assert.are.same({ row[2], row[3], row[4], row[5], row[6] },
        { parsed.scheme, parsed.host, parsed.port, parsed.authority, parsed.path })
    end)
  end

  for _, row in ipairs(BAD) do
    it("refuses " .. row[1]:sub(1, 40):gsub("[%c\127-\255]", "?"), function()
      local parsed, message = url.parse(row[1])
      assert.is_nil(parsed)
      assert.is_truthy(message:find(row[2], 1, true), message)
      assert.is_nil(message:find("\n"))
    end)
  end

  it("knows Unix sockets", function()
    local parsed = assert(url.parse "http+unix://%2Frun%2Fweb.sock/status")
    assert.are.equal("/run/web.sock", parsed.unix)
    assert.are.equal("/status", parsed.path)
    assert.are.equal("http+unix://%2Frun%2Fweb.sock/status", url.text(parsed))
  end)

  it("writes what it read", function()
    for _, text in ipairs { "https://example.org/", "http://[::1]:8080/x", "https://h:8443/a?b" } do
      assert.are.equal(text, url.text(url.parse(text)))
    end
  end)
end)
