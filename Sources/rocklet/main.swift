import RockletCore

// Until the environments are registered: an echo.
Rocklet.run {
} answer: { line, output in
    for index in line.indices { output.append(line[index]) }
    output.append(0x0A)
}
