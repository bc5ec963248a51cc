-- The manual page: complete, and clean roff.
local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"

local fake = dofile "tests/lua/fake_engine.lua"
local manual = fake.modules()("manual")

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1 </dev/null", "r"))
  local text = pipe:read "a"
  local ok, _, status = pipe:close()
  return text, ok and 0 or status
end

local function files(pattern)
  local list = {}
  for path in output_of("find lua reports src -name '" .. pattern .. "'"):gmatch "[^\n]+" do
    list[#list + 1] = path
  end
  assert.is_true(#list > 10)
  return list
end

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return (file:read "a")
end

local page, plain

setup(function()
  local status
  page, status = output_of(PROGRAM .. " man")
  assert.are.equal(0, status)
  plain = page:gsub("\\f%u", ""):gsub("\\%-", "-"):gsub("\\&", ""):gsub("\\ ", " ")
end)

-- The text about a command, with that of the command whose options it shares and of those that all have.
local function about(command)
  local text = plain:match("\n%.SS h2probe " .. command .. "[ \n](.-)\n%.S[SH] ")
  assert.is_string(text, command)
  local other = text:match "Its options are those of (%l+)%."
  return text .. (other and about(other) or "") .. plain:match "\n%.SH OPTIONS OF ALL COMMANDS(.-)\n%.SH "
end

describe("the manual page", function()
  it("has every command with every option of its help", function()
    local count = 0
    for command in output_of(PROGRAM):gmatch "\n  (%l+) [^\n]*" do
      local help, status = output_of(PROGRAM .. " " .. command .. " --help")
      if status == 0 then
        local text = about(command)
        for option in (help:match "\nOptions:\n.*" .. "\n\n"):match "^(.-)\n\n":gmatch "\n   [^\n]-(%-%-[%w-]+)" do
          assert.is_truthy(text:find(option, 1, true), command .. " " .. option)
          count = count + 1
        end
      end
    end
    assert.is_true(count > 60)
  end)

  it("has every variable of the environment that the program reads", function()
    local count = 0
    for _, path in ipairs(files "*.lua") do
      for name in slurp(path):gmatch 'getenv[ (]*"([%u_%d]+)"' do
        assert.is_truthy(plain:find(name, 1, true), path .. ": " .. name)
        count = count + 1
      end
    end
    for _, path in ipairs(files "*.c") do
      for name in slurp(path):gmatch 'getenv%("([%u_%d]+)"' do
        assert.is_truthy(plain:find(name, 1, true), path .. ": " .. name)
        count = count + 1
      end
    end
    assert.is_true(count >= 6)
  end)

  it("has every exit status", function()
    local text = plain:match "\n%.SH EXIT STATUS(.-)\n%.SH "
    for status = 0, 6 do
      assert.is_truthy(text:find("%f[%d]" .. status .. "  %a"), tostring(status))
    end
  end)

  it("leaves nothing to be filled in, and no octets that roff does not know", function()
    assert.is_nil(page:find "@[%u_]+@")
    assert.is_nil(page:find "[^\n\32-\126]")
    for line in page:gmatch "[^\n]+" do
      assert.is_truthy(not line:find "^[.']" or line:find "^%.[%a\\]", line)
    end
  end)

  it("is shown by man without a warning", function()
    if select(2, output_of "man --version") ~= 0 then
      return pending "man is not installed"
    end
    local text, status = output_of("page=$(mktemp) && " .. PROGRAM
      .. " man >$page && MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -l $page 2>&1 >/dev/null; status=$?; rm -f $page; exit $status")
    assert.are.same({ "", 0 }, { text, status })
  end)
end)

describe("manual.escaped", function()
  it("shows text as it is", function()
    assert.are.same({ "\\&.SH x", "\\&'x", "a\\eb", "\\-\\-json", "one line" }, { manual.escaped ".SH x", manual.escaped "'x",
      manual.escaped "a\\b", manual.escaped "--json", manual.escaped "one\n  line" })
  end)
end)
