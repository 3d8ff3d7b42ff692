#ifndef WORD_LISTS_H
#define WORD_LISTS_H

#include <stddef.h>
#include <stdint.h>

// Each list is text with one entry a line, part of the program's read-only image: it needs no file at run time, and all
// processes of one program share its pages. The pointer stays valid for ever; `count` receives the length in bytes.

// 850 words of Basic English, sorted.
const uint8_t *_Nonnull word_lists_basic(size_t *_Nonnull count);

// 235,886 words of Webster's Second, sorted.
const uint8_t *_Nonnull word_lists_large(size_t *_Nonnull count);

// 100 crossword entries: `easy` or `hard`, a tab, the word, a tab, its clue.
const uint8_t *_Nonnull word_lists_crossword(size_t *_Nonnull count);

#endif
