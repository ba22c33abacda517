"""One module a lesson: `lesson_2_3.EXERCISES` holds the definitions of exercises 2.3.1, 2.3.2 and so on."""
