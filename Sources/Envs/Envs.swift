// The environments that come with Rock. Each folder is one family: its rules, its drawing for people, its ids.
//
//   Action/     reading what an agent wrote: the rightmost \boxed{…} that fits
//   Game/       what all games share: turns, the turn limit, unreadable text, the frame of an observation
//   Words/      word lists that are part of the program, and the secrets drawn from them
//   WordGrid/   words that cross on a square, for Crosswords and WordSearch

public import GEM

/// Everything that can be made without loading anything.
public enum BuiltInEnvironments {
    /// The specs of all ids, family by family.
    public static let specs: [EnvironmentSpec] = [
        TowerOfHanoi.specs,
        GuessTheNumber.specs,
        Mastermind.specs,
        Minesweeper.specs,
        Wordle.specs,
        FifteenPuzzle.specs,
        Hangman.specs,
        Sudoku.specs,
        Game2048.specs,
        Sokoban.specs,
        Crosswords.specs,
        WordSearch.specs,
        WikiGame.specs,
        Bandit.specs,
        FrozenLake.specs,
        Maze.specs,
    ].flatMap { $0 }
}
