-- Completions in the shells themselves: every command and option is offered, values and ids are what they should be.
local PROGRAM = os.getenv "H2PROBE" or "build/h2probe"

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1 </dev/null", "r"))
  local text = pipe:read "a"
  local ok, _, status = pipe:close()
  return text, ok and 0 or status
end

local function has(program)
  return select(2, output_of("command -v " .. program)) == 0
end

-- A directory of a test's own with the program first on PATH, the script of the shell, and files.
local directory, environment

setup(function()
  directory = (output_of "mktemp -d"):gsub("\n", "")
  local program = (output_of("realpath " .. quoted(PROGRAM))):gsub("\n", "")
  assert(select(2, output_of(("ln -s %s %s/h2probe"):format(quoted(program), directory))) == 0)
  for _, shell in ipairs { "bash", "zsh", "fish" } do
    local text, status = output_of(("%s completion %s >%s/%s"):format(quoted(program), shell, directory, shell))
    assert.are.equal(0, status, text)
  end
  output_of(("touch %s/probe.lua '%s/a file.pem'"):format(directory, directory))
  local here = (output_of "pwd"):gsub("\n", "")
  environment = ("cd %s && export HERE=%s PATH=%s:$PATH HOME=%s && "):format(quoted(directory), quoted(here), quoted(directory),
    quoted(directory))
end)

teardown(function()
  output_of("rm -rf " .. quoted(directory))
end)

local function lines(text)
  local list, set = {}, {}
  for line in text:gmatch "[^\n]+" do
    local word = line:match "^[^\t]*"
    list[#list + 1], set[word] = word, true
  end
  return list, set
end

local offers = {}

function offers.bash(line)
  return lines((output_of(environment .. ("bash \"$HERE\"/tests/shells/complete.bash bash %s"):format(quoted(line)))))
end

function offers.fish(line)
  return lines((output_of(environment
    .. ("fish --no-config -c 'source fish; complete -C %s'"):format('"' .. line .. '"'))))
end

-- What the program says about itself: { command = { option, ... } }.
local function commands()
  local found = {}
  for name in output_of(PROGRAM):gmatch "\n  (%l+) [^\n]*" do
    if select(2, output_of(PROGRAM .. " " .. name .. " --help")) == 0 then
      found[name] = {}
      local help = (output_of(PROGRAM .. " " .. name .. " --help") .. "\n"):match "\nOptions:\n(.-)\n\n" or ""
      for line in (help .. "\n"):gmatch "([^\n]*)\n" do
        local option = line:match "^   (%-%-[%w-]+)" or line:match "^   %-%w, (%-%-[%w-]+)"
        found[name][#found[name] + 1] = option
      end
    end
  end
  return found
end

-- The line, and what has to be offered for it; false: what must not be.
local CASES <const> = {
  { "h2probe ru", { "run" } },
  { "h2probe completion ", { "bash", "zsh", "fish" } },
  { "h2probe run --mode ", { "alpn", "upgrade", "prior", "all" }, { "probe.lua" } },
  { "h2probe run -m ", { "alpn" } },
  { "h2probe run --jobs ", {}, { "probe.lua", "http2/" } },
  { "h2probe run --report ", { "console", "junit=" } },
  { "h2probe run ", { "http2/", "hpack/" }, { "client/", "http2/settings/" } },
  { "h2probe run https://localhost:8443 http2/se", { "http2/settings/" }, { "http2/streams/" } },
  { "h2probe explain http2/settings/len", { "http2/settings/length-5" } },
  { "h2probe client ", { "client/" }, { "http2/" } },
  { "h2probe list cl", { "client/" } },
  { "h2probe probe pr", { "probe.lua" } },
  { "h2probe run --cacert a", { "a file.pem" } },
  { "h2probe serve --violate RFC9113-6.5", { "RFC9113-6.5-7" } },
  { "h2probe client -- h2pro", { "h2probe" } },
  { "h2probe client client/preface -- h2probe probe pr", { "probe.lua" } },
}

for _, shell in ipairs { "bash", "fish" } do
  describe("completions of " .. shell, function()
    if not has(shell) then
      return pending(shell .. " is not installed")
    end

    it("offer every command, and every option of each", function()
      local _, offered = offers[shell] "h2probe "
      local count = 0
      for command, options in pairs(commands()) do
        assert.is_true(offered[command], command)
        local _, of_command = offers[shell]("h2probe " .. command .. " --")
        assert.is_true(#options >= 3, command)
        for _, option in ipairs(options) do
          assert.is_true(of_command[option], command .. " " .. option)
          count = count + 1
        end
      end
      assert.is_true(count > 60)
    end)

    for _, row in ipairs(CASES) do
      it("offer what belongs behind: " .. row[1], function()
        local list, offered = offers[shell](row[1])
        for _, word in ipairs(row[2]) do
          assert.is_true(offered[word] or offered[word:gsub(" ", "\\ ")], word .. " is not among: " .. table.concat(list, ", "))
        end
        for _, word in ipairs(row[3] or {}) do
          assert.is_nil(offered[word], word)
        end
      end)
    end
  end)
end

describe("completions of bash", function()
  it("know --option=value", function()
    assert.are.same({ "prior" }, (offers.bash "h2probe run --mode=p"))
    assert.are.same({ "probe.lua" }, (offers.bash "h2probe run --report junit=prob"))
    assert.are.same({ "probe.lua" }, (offers.bash "h2probe run --report=junit=prob"))
  end)
end)

-- The line, and how zsh goes on with it.
local ZSH <const> = {
  { "h2probe ru", "h2probe run " },
  { "h2probe run --jo", "h2probe run --jobs=" },
  { "h2probe run --mode pr", "h2probe run --mode prior " },
  { "h2probe run --mode=pr", "h2probe run --mode=prior " },
  { "h2probe run --report junit=prob", "h2probe run --report junit=probe.lua " },
  { "h2probe run --jobs ", "h2probe run --jobs " },
  { "h2probe run --cacert a", "h2probe run --cacert a\\ file.pem " },
  { "h2probe run https://localhost http2/set", "h2probe run https://localhost http2/settings/" },
  { "h2probe explain http2/settings/length-5", "h2probe explain http2/settings/length-5 " },
  { "h2probe client client/pre", "h2probe client client/preface/" },
  { "h2probe client -- h2probe expl", "h2probe client -- h2probe explain " },
  { "h2probe completion f", "h2probe completion fish " },
}

describe("completions of zsh", function()
  if not has "zsh" then
    return pending "zsh is not installed"
  end
  for _, row in ipairs(ZSH) do
    it("go on with: " .. row[1], function()
      local line = output_of(environment .. ("zsh -f \"$HERE\"/tests/shells/complete.zsh zsh %s"):format(quoted(row[1])))
      assert.are.equal(row[2] .. "\n", (line:gsub("\r", "")))
    end)
  end

  it("name every option", function()
    local script = output_of(PROGRAM .. " completion zsh")
    for command, options in pairs(commands()) do
      local of_command = script:match("\n    " .. command .. "%)\n(.-);;")
      assert.is_string(of_command, command)
      for _, option in ipairs(options) do
        assert.is_truthy(of_command:find(option:gsub("%-", "%%-") .. "[=%[}]"), command .. " " .. option)
      end
    end
  end)
end)
