/* Names that mean something here: the words in the name of a dataset, and the attributes of our own files. */
#ifndef CGAP_IO_READ_NAME_WORDS_H
#define CGAP_IO_READ_NAME_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { CGAP_WORD_SIZE = 16 };

enum {
  CGAP_WORD_IMAGE = 1,
  CGAP_WORD_TEXT = 2,
  CGAP_WORD_EMBEDDING = 4,
  CGAP_WORD_CLASS = 8,
  CGAP_WORD_ID = 16,
  CGAP_WORD_INDEX = 32,
  CGAP_WORD_LABEL = 64,
  CGAP_WORD_SIDELINE = 128, /* a mask, a mean, a score: about embeddings, not embeddings */
  CGAP_WORD_POINTER = 256,  /* indptr, offsets: where each image's texts begin */
  CGAP_WORD_COUNT = 512,    /* lengths, counts, per: how many texts each image has */
  CGAP_WORD_PAIRS = 1024,   /* pairs, matches */
  CGAP_WORD_TO = 2048,      /* image_to_text, img2txt */
  CGAP_WORD_LABELLED = 4096,
  CGAP_WORD_OTHER = 8192, /* audio, video: within this file alone */
  CGAP_WORD_MODALITY = CGAP_WORD_IMAGE | CGAP_WORD_TEXT
};

typedef struct cgap_name_words {
  unsigned leaf;       /* of the name itself */
  unsigned parent;     /* of its group */
  unsigned group;      /* CGAP_WORD_IMAGE or _TEXT of the nearest group that says one, else 0 */
  unsigned modality;   /* CGAP_WORD_IMAGE or _TEXT: the name's own, else the group's; 0: neither, or both in one name */
  bool text_first;     /* the name has both, the text's word first: "text_image" */
  bool more;           /* the name itself has words that are not known: "text_image_similarity" */
  char image_word[16]; /* as found, for the report: "img" */
  char text_word[16];
  char other_word[CGAP_WORD_SIZE]; /* a modality that is neither, of the name itself or of the nearest group: "audio" */
  char id_word[16];                /* of the name itself, in the singular: "id", "filename" */
} cgap_name_words;

/* path: "/group/name". */
cgap_name_words cgap_name_words_of(const char *path);

/* The words of a file's name, without folder and extension: CGAP_WORD_IMAGE, _TEXT or both. */
unsigned cgap_name_words_of_file(const char *path);

/* And the word for a modality that is neither; "" where it has none. */
void cgap_other_word_of_file(char out[CGAP_WORD_SIZE], const char *path);

/* ---------------------------------------------------------------- attributes */

/* What the rows at /image and /text are called: "audio,text"; of files of apply and of heads. */
#define CGAP_MODALITIES_NAMED "contragap_modalities"

/* The attribute of a file whose rows come from a head that was trained on some of them: "300 of 500 images". */
#define CGAP_TRAINED_ON "contragap_trained_on"

/* And the terms of the loss that it was trained on: "clip,uniform,align". */
#define CGAP_TRAINED_LOSSES "contragap_trained_losses"

/* Of a file over parts, "3 of out.h5", and of each of them, "1 of 3 of out.h5". They are not copied with the others. */
#define CGAP_OUTPUT_PARTS_ATTRIBUTE "contragap_parts"
#define CGAP_OUTPUT_PART_ATTRIBUTE "contragap_part"

#endif
