-- Completions for bash, zsh and fish: argparse's, told what the values of options are, with the ids of cases added.
local args = require "h2probe.args"
local commands = require "h2probe.args_commands"
local reporting = require "h2probe.reporting"
local resources = require "h2probe.resources"
local rules = require "h2probe.rules"
local values = require "h2probe.args_values"

local completion = {}

-- What the words of a command are: ids of all cases, of those that test a server or a client; and whether files as well.
local WORDS <const> = {
  run = { cases = "SERVER_CASES", files = true }, prove = { cases = "SERVER_CASES", files = true },
  client = { cases = "CLIENT_CASES", files = true }, list = { cases = "CASES", files = true },
  explain = { cases = "CASES" }, probe = { files = true }, report = { files = true },
}

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function formats()
  local names = {}
  for _, name in ipairs(reporting.formats()) do
    names[#names + 1] = name
    names[#names + 1] = name ~= "console" and name .. "=" or nil
  end
  return names
end

-- Stands for ids of cases until a shell puts its way to ask for them there.
local IDS <const> = "@ids@"

-- The values of options whose argument has this name; what is a path is left to the shell.
local BY_ARGUMENT <const> = {
  ["FORMAT[=FILE]"] = formats,
  WORD = function() return { IDS } end,
  ["ID[=WAY]"] = function(command) return sorted_keys(rules.known(command == "fetch" and "client" or "server")) end,
}

local function takes_value(option)
  return option._minargs > 0
end

-- FILE, DIR, RESULTS.json
local function is_path(option)
  return option._argname == "FILE" or option._argname == "DIR" or option._argname:find "^%u+%.%l+$" ~= nil
end

-- A word of a selection.
local function is_selection(option)
  return option._argname == "WORD"
end

local function choices_of(option, command)
  local of_argument = BY_ARGUMENT[option._argname]
  return values.words[option._convert] or (of_argument and of_argument(command)) or {}
end

--- A parser whose options and arguments say what may be chosen. It is for completions alone: argparse would refuse the rest.
local function parser_with_choices()
  local parser = args.parser()
  for i, command in ipairs(parser._commands) do
    command:description(commands.LIST[i][2])
    for _, option in ipairs(command._options) do
      if takes_value(option) and not is_path(option) then
        option:choices(choices_of(option, command._name))
      end
    end
    for _, argument in ipairs(command._arguments) do
      if values.words[argument._convert] then
        argument:choices(values.words[argument._convert])
      end
    end
  end
  return parser
end

-- Names of commands that a test is true of, as a pattern of the shell; one that matches nothing if there are none.
local function names(parser, test)
  local list = {}
  for _, command in ipairs(parser._commands) do
    local words = WORDS[command._name]
    if words and test(words) then
      list[#list + 1] = command._name
    end
  end
  return list
end

-- "run --cacert", of the options that take a value of a kind.
local function valued(parser, test)
  local list = {}
  for _, command in ipairs(parser._commands) do
    for _, option in ipairs(command._options) do
      if takes_value(option) and test(option) then
        for _, alias in ipairs(option._aliases) do
          list[#list + 1] = ("'%s %s'"):format(command._name, alias)
        end
      end
    end
  end
  return list
end

local NOTHING <const> = { "''" }

-- The text of lua/shells/h2probe.SHELL with its @WORDS@ filled in.
local function extra(parser, shell, separator)
  local text = assert(resources.read("lua/shells/h2probe." .. shell))
  local fill = { FILES = valued(parser, is_path), VALUES = valued(parser, function() return true end),
    SELECTIONS = valued(parser, is_selection),
    TAKES_FILES = names(parser, function(words) return words.files end) }
  fill.FORMATS = { table.concat(formats(), " ") }
  for _, kind in ipairs { "CASES", "SERVER_CASES", "CLIENT_CASES" } do
    fill[kind] = names(parser, function(words) return words.cases == kind end)
  end
  return (text:gsub("@([A-Z_]+)@", function(name)
    local list = assert(fill[name], name)
    return table.concat(#list > 0 and list or NOTHING, separator)
  end))
end

local shells = {}

function shells.bash(parser)
  return parser:get_bash_complete() .. extra(parser, "bash", "|")
end

-- argparse's script, but: arguments by a function that knows the command, not by `_files`; --option=value; junit=FILE.
function shells.zsh(parser)
  local reports = "]: :(" .. table.concat(formats(), " ") .. ")"
  local script = parser:get_zsh_complete():gsub("\n_h2probe\n$", "")
    :gsub('\n( +"%*?): :_files" \\', "\n%1: :_h2probe_words\" \\")
    :gsub('(%-%-[%w-]+)(}?"?%[[^\n]-%]: :)', "%1=%2")
    :gsub(reports:gsub("%p", "%%%0"), "]: :_h2probe_reports")
    :gsub("%(" .. IDS .. "%)", " _h2probe_ids")
  return script .. extra(parser, "zsh", "|")
end

function shells.fish(parser)
  local script = parser:get_fish_complete():gsub(IDS, "(__fish_h2probe_ids)")
  return script .. extra(parser, "fish", " ")
end

--- The completions of a shell ("bash", "zsh" or "fish"), as its script.
function completion.script(shell)
  return shells[shell](parser_with_choices())
end

return completion
