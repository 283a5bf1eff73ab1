"""One task: its file, and a person's word on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from loop_orchestrator.deck.dialogs.confirm import Confirm
from loop_orchestrator.deck.screens.whole import Whole
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.model.task import ARCHIVED, TASK_MOVES, Task, TaskStatus
from loop_orchestrator.operations.tasks import move_task

if TYPE_CHECKING:
    from loop_orchestrator.deck.picture import Picture

_MEANS = {
    TaskStatus.DONE: "It is done: its file goes into the archive, and tasks that wait for it are met.",
    TaskStatus.DROPPED: "It is given up: its file goes into the archive, and tasks that wait for it are never met.",
    TaskStatus.OPEN: "Nobody works on it any more, and the engine may hand it to a lane.",
}


class TaskScreen(Whole):
    """D says that it is done, X drops it, O opens it again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("D", "move('done')", "Done"),
        Binding("X", "move('dropped')", "Drop"),
        Binding("O", "move('open')", "Open again"),
    ]

    def __init__(self, id: str) -> None:
        super().__init__()
        self._id = id
        self.task_now: Task | None = None

    def show(self, picture: Picture) -> None:
        tasks = picture.status.tasks
        if isinstance(tasks, Unknown):
            self.put(f"task {self._id} cannot be read: {tasks.reason}", "")
            return
        self.task_now = next((one for one in tasks if one.id == self._id), None)
        if self.task_now is None:
            self.put(f"there is no task {self._id} any more", "")
            return
        task = self.task_now
        self.put(f"{task.id}  {task.status.value}  {task.title}", text_of(task, picture))

    @work
    async def action_move(self, word: str) -> None:
        task, to = self.task_now, TaskStatus(word)
        if task is None:
            return
        if to not in TASK_MOVES[task.status]:
            self.app.tell(f"it is {task.status.value}, and cannot be {to.value}", title=task.id, good=False)
            return
        said = f"{task.title}\nIt is {task.status.value}.\n\n{_MEANS[to]}"
        if await self.app.push_screen_wait(Confirm(f"{task.id}: {to.value}?", said)):
            self.app.perform(
                f"moving {task.id} to {to.value}",
                lambda desk: move_task(desk.world, task.id, to, by=desk.caller),
                lambda now: self.app.tell(now.title, title=f"{now.id} is {now.status.value}"),
            )


def text_of(task: Task, picture: Picture) -> str:
    """What is known of it, then its text."""
    lines = []
    if task.status is TaskStatus.REVIEW:
        lines += ["Its lane says that it is done. D agrees; O has it done again.", ""]
    elif task.status in ARCHIVED:
        lines += ["It is in the archive. O opens it again.", ""]
    lines += [f"title: {task.title}", f"role: {task.role}", f"after: {' '.join(task.depends_on) or 'nothing'}"]
    lines += [f"loop: {task.loop}"] if task.loop else []
    if not isinstance(picture.assignments, Unknown):
        lines += [f"{one.lane} has it, to {one.purpose}" for one in picture.assignments if one.task == task.id]
    return "\n".join([*lines, f"file: {task.file}", "", task.body])
