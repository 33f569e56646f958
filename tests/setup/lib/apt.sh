# Sourced after common.sh: packages of this Debian, and single .debs of another Debian suite.

# Installs packages of this system. Says what it does, since it changes the machine.
apt_install() {
    say "apt-get install $*"
    twice as_root apt-get -qq -o DPkg::Lock::Timeout=120 update
    twice as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >/dev/null
}

# Prints this machine's own Debian source, in the format that it has there, with another suite in
# it: mirror, key and proxy stay as the machine's owner has set them.
apt_source_for() {
    local suite=$1 entry file number
    [[ $(os_release ID) == debian ]] || return 1
    entry=$(apt-get indextargets 'Created-By: Packages' 'Component: main' |
        awk -v RS= '/(^|\n)Release: [a-z]+(\n|$)/ && match($0, /(^|\n)Sourcesentry: [^\n]*/) {
            line = substr($0, RSTART, RLENGTH); sub(/^\n?Sourcesentry: /, "", line); print line; exit
        }')
    file=${entry%:*} number=${entry##*:}
    [[ -r ${file} ]] || return 1
    if [[ ${file} == *.sources ]]; then
        grep -v '^#' "${file}" | awk -v RS= -v n="${number}" 'NR == n' | awk -v suite="${suite}" '
            /^[ \t]/ { if (!skip) print; next }
            { skip = 0 }
            tolower($0) ~ /^suites:/ { print "Suites: " suite; skip = 1; next }
            tolower($0) ~ /^components:/ { print "Components: main"; skip = 1; next }
            { print }'
    else
        sed -n "${number}p" "${file}" |
            sed -E "s/^(deb +(\[[^]]*\] +)?[^ ]+) .*/\1 ${suite} main/"
    fi
}

# Runs an apt tool on one other suite, with state of its own in a folder: the machine's lists, cache
# and packages stay as they are, and it needs no root. apt_suite FOLDER SUITE apt-get update
apt_suite() {
    local folder=$1 suite=$2 tool=$3
    shift 3
    "${tool}" -qq \
        -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="${folder}/${suite}/sources" \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State::lists="${folder}/${suite}/lists" -o Dir::Cache="${folder}/${suite}/cache" \
        -o Dir::State::status="${folder}/${suite}/status" \
        -o APT::Sandbox::User=root -o Debug::NoLocking=true -o Acquire::Languages=none \
        -o Acquire::PDiffs=false -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= \
        "$@"
}

# Fetches the package list of a suite. Fails where this is no Debian, or the mirror has no such
# suite.
apt_suite_update() {
    local folder=$1 suite=$2 sources=$1/$2/sources text
    have apt-get || return 1
    text=$(apt_source_for "${suite}") && [[ -n ${text} ]] || return 1
    mkdir -p "${sources}" "${folder}/${suite}"/{lists,cache/archives}/partial
    : >"${folder}/${suite}/status"
    if [[ ${text} == deb\ * ]]; then
        printf '%s\n' "${text}" >"${sources}/suite.list"
    else
        printf '%s\n' "${text}" >"${sources}/suite.sources"
    fi
    twice apt_suite "${folder}" "${suite}" apt-get -o APT::Update::Error-Mode=any update
}

# The version of a package in a suite whose list was fetched, or nothing. The third argument narrows
# it by prefix.
apt_suite_version() {
    apt_suite "$1" "$2" apt-cache madison "$3" 2>/dev/null |
        awk -F' *[|] *' -v prefix="${4-}" 'index($2, prefix) == 1 { print $2; exit }'
}

# Downloads packages of a suite into a folder. apt_suite_download STATE SUITE FOLDER
# PACKAGE[=VERSION]...
apt_suite_download() {
    local state=$1 suite=$2 folder=$3
    shift 3
    mkdir -p "${folder}"
    (cd "${folder}" && twice apt_suite "${state}" "${suite}" apt-get download "$@")
}
