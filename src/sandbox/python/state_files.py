"""The files in which the sandbox keeps its state: how unreadable ones are set aside, and how a save is all or nothing."""
import json
import logging
import os
import shutil


def set_unreadable_aside(home):
    """Renames each state file that is not JSON, so that its content is not lost. Returns the new names.

    MiniStack starts a service empty if it cannot read its file, and later overwrites the file.
    """
    aside = []
    for path in [home / "clusters.json", home / "ports.json", *sorted((home / "state").glob("*.json"))]:
        try:
            json.loads(path.read_text())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            number = 1
            while (kept := path.with_name(f"{path.name}.unreadable-{number}")).exists():
                number += 1
            path.rename(kept)
            logging.error("%s cannot be read (%s); it is kept as %s", path, error, kept.name)
            aside.append(str(kept.relative_to(home)))
    return aside


def save(state, write):
    """Saves the state of all services or of none. `write` writes the files into the folder that it is given.

    A stack and its resources are in different files, so files of different moments would not fit together.
    """
    shutil.rmtree(state / ".next", ignore_errors=True)
    write(state / ".next")
    if (state / ".next").exists():
        os.rename(state / ".next", state / ".saved")
        finish_saving(state)


def finish_saving(state):
    """Moves the files of a complete save into place, and removes those of an incomplete one."""
    saved = state / ".saved"
    if saved.exists():
        for file in saved.iterdir():
            os.replace(file, state / file.name)
        saved.rmdir()
    shutil.rmtree(state / ".next", ignore_errors=True)
