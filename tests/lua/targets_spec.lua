-- URL and options to the targets of a run.
local fake = dofile "tests/lua/fake_engine.lua"
local targets = fake.modules()("targets")

local MODES = {
  { "https://h/", nil, { "alpn" }, false }, { "http://h/", nil, { "upgrade", "prior" }, false },
  { "http://h/", "all", { "upgrade", "prior" }, false }, { "http://h/", "prior", { "prior" }, true },
  { "https://h/", "all", { "alpn" }, false },
}

local BAD = {
  { "http://h/", { mode = "alpn" }, "needs a URL that starts with https://" },
  { "https://h/", { mode = "prior" }, "needs a URL that starts with http://" },
  { "nonsense", {}, "is not a URL of a target" }, { "https://h/", { cacert = "/nonexistent" }, "--cacert: /nonexistent" },
  { "https://h/", { key = "/dev/null" }, "--key needs --cert" }, { "https://h/", { cert = "/tmp" }, "--cert: /tmp" },
}

describe("targets", function()
  for _, row in ipairs(MODES) do
    it(("of %s with --mode %s"):format(row[1], row[2]), function()
      local aim = assert(targets.of_url(row[1], { mode = row[2] }))
      assert.are.same(row[3], aim.modes)
      assert.are.equal(row[4], aim.explicit)
      for _, mode in ipairs(aim.modes) do
        assert.are.equal("h", aim.targets[mode].host)
      end
    end)
  end

  for _, row in ipairs(BAD) do
    it("refuses: " .. row[3], function()
      local aim, message = targets.of_url(row[1], row[2])
      assert.is_nil(aim)
      assert.is_truthy(message:find(row[3], 1, true), message)
    end)
  end

  it("take the options along", function()
    local aim = assert(targets.of_url("https://h/", { insecure = true, sni = "", authority = "a", path = "/p",
      headers = { { "x", "y" } }, connect_to = { host = "1.2.3.4", port = 5 } }))
    local target = aim.targets.alpn
    assert.are.same({ false, false, "a", "/p", "1.2.3.4" },
      { target.verify, target.sni, target.authority, target.path, target.connect_to.host })
    assert.are.same({ { "x", "y" } }, target.fields)
  end)

  it("of the embedded server have a scheme per mode", function()
    local aim = assert(targets.of_server({ port = 81, tls_port = 82 }, {}))
    assert.are.same({ "alpn", "upgrade", "prior" }, aim.modes)
    assert.are.same({ "https", 82, "http", 81 }, { aim.targets.alpn.scheme, aim.targets.alpn.port,
      aim.targets.prior.scheme, aim.targets.prior.port })
  end)
end)
