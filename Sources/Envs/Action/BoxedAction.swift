import GEM

/// The part of an agent's text that counts: the rightmost `\boxed{…}` whose content fits the game's form.
///
/// Agents think aloud, quote examples and change their minds, so anything may stand around the box; a later box that does
/// not fit is passed over. The search walks from the right, and no form can run past the next `\boxed{`, so reading takes
/// time linear in the text's length.
enum BoxedAction {
    /// Reads the rightmost box that fits.
    ///
    /// - Parameters:
    ///   - text: The agent's whole text.
    ///   - ignoringCase: Whether `\BOXED` opens a box too (ASCII only).
    ///   - form: Reads the content from the cursor on; `nil` where it does not fit. The closing brace is checked here.
    /// - Returns: The move; `nil` where no box fits, or where the one that does holds a number of more than
    ///   ``BoxCursor/digitLimit`` digits.
    static func last<Move>(
        in text: Action, ignoringCase: Bool = false, form: (Action, inout BoxCursor) -> Move?
    ) -> Move? {
        var brace = text.count - 1
        while brace >= 6 {
            if text[brace] == UInt8(ascii: "{"), opensBox(text, at: brace, ignoringCase: ignoringCase) {
                var cursor = BoxCursor(offset: brace + 1)
                if let move = form(text, &cursor), cursor.take(UInt8(ascii: "}"), in: text) {
                    return cursor.sawOverlongNumber ? nil : move
                }
            }
            brace -= 1
        }
        return nil
    }

    /// Whether the six bytes before `brace` are `\boxed`.
    private static func opensBox(_ text: Action, at brace: Int, ignoringCase: Bool) -> Bool {
        let fold: UInt8 = ignoringCase ? 0x20 : 0
        return text[brace - 1] | fold == UInt8(ascii: "d") && text[brace - 2] | fold == UInt8(ascii: "e")
            && text[brace - 3] | fold == UInt8(ascii: "x") && text[brace - 4] | fold == UInt8(ascii: "o")
            && text[brace - 5] | fold == UInt8(ascii: "b") && text[brace - 6] == UInt8(ascii: "\\")
    }
}
