package tickets

import (
	"errors"
	"fmt"

	"github.com/presage-pdm/presage/fleet/access"
)

// ErrRefused is wrapped by every [*RefusedError].
var ErrRefused = errors.New("refused")

// RefusedError is the desk saying no to a person: the role, the stage or the
// request does not allow what was asked. The refusal stands in the ticket's history.
type RefusedError struct {
	// Reason is for the person, by language.
	Reason Text
}

// Error returns the reason in English.
func (e *RefusedError) Error() string { return "refused: " + e.Reason.In("en") }

// Unwrap makes every refusal an [ErrRefused].
func (e *RefusedError) Unwrap() error { return ErrRefused }

// What the desk says when it refuses.
var (
	refuseNotYours = Text{
		"en": "Only the technician the ticket is assigned to may do this.",
		"de": "Das darf nur der Techniker, dem das Ticket zugewiesen ist.",
		"zh": "只有工单的负责技术员才能执行此操作。",
	}
	refuseNoAssignee = Text{
		"en": "Assign the ticket to a technician first.",
		"de": "Weisen Sie das Ticket zuerst einem Techniker zu.",
		"zh": "请先将工单分配给技术员。",
	}
	refuseNoNote = Text{
		"en": "A note is required for this step.",
		"de": "Für diesen Schritt ist eine Notiz erforderlich.",
		"zh": "此步骤需要填写备注。",
	}
	refuseNoResolution = Text{
		"en": "Choose a resolution before closing the ticket.",
		"de": "Wählen Sie eine Lösung, bevor Sie das Ticket schließen.",
		"zh": "关闭工单前请选择处理结果。",
	}
	refuseAnotherOpen = Text{
		"en": "The same fault already has another open ticket.",
		"de": "Für denselben Fehler ist bereits ein anderes Ticket offen.",
		"zh": "同一故障已有另一张未关闭的工单。",
	}
	refuseNoComment = Text{
		"en": "The comment is empty.",
		"de": "Der Kommentar ist leer.",
		"zh": "评论内容为空。",
	}
	refuseNobody = Text{
		"en": "Nobody is free to take the ticket; it stays in the dispatch queue.",
		"de": "Niemand kann das Ticket übernehmen; es bleibt in der Warteschlange der Disposition.",
		"zh": "目前无人可以接单，工单保留在待派队列中。",
	}
	refuseClosed = Text{
		"en": "The ticket is closed.",
		"de": "Das Ticket ist geschlossen.",
		"zh": "工单已关闭。",
	}
)

func refuseRole(role access.Role) Text {
	return Text{
		"en": fmt.Sprintf("The role %s may not do this here.", roleLabels[role].In("en")),
		"de": fmt.Sprintf("Die Rolle %s darf das hier nicht.", roleLabels[role].In("de")),
		"zh": fmt.Sprintf("%s角色无权在此执行此操作。", roleLabels[role].In("zh")),
	}
}

func refuseNoMove(from, to *Stage, asked string) Text {
	label := func(language string) string {
		if to == nil {
			return asked
		}
		return to.Label.In(language)
	}
	return Text{
		"en": fmt.Sprintf("A ticket cannot go from “%s” to “%s”.", from.Label.In("en"), label("en")),
		"de": fmt.Sprintf("Ein Ticket kann nicht von „%s“ nach „%s“ gehen.", from.Label.In("de"), label("de")),
		"zh": fmt.Sprintf("工单不能从“%s”转到“%s”。", from.Label.In("zh"), label("zh")),
	}
}

func refuseResolution(code string) Text {
	return Text{
		"en": fmt.Sprintf("There is no resolution %q; use one of %v.", code, Resolutions()),
		"de": fmt.Sprintf("Die Lösung %q gibt es nicht; möglich sind %v.", code, Resolutions()),
		"zh": fmt.Sprintf("不存在处理结果 %q，可选：%v。", code, Resolutions()),
	}
}

func refuseTechnician(id string) Text {
	return Text{
		"en": fmt.Sprintf("There is no active technician %q.", id),
		"de": fmt.Sprintf("Es gibt keinen aktiven Techniker %q.", id),
		"zh": fmt.Sprintf("没有在职的技术员 %q。", id),
	}
}

func refuseLong(most int) Text {
	return Text{
		"en": fmt.Sprintf("The text is too long: at most %d characters.", most),
		"de": fmt.Sprintf("Der Text ist zu lang: höchstens %d Zeichen.", most),
		"zh": fmt.Sprintf("文本过长：最多 %d 个字符。", most),
	}
}

var roleLabels = map[access.Role]Text{
	access.Viewer:     {"en": "viewer", "de": "Betrachter", "zh": "查看者"},
	access.Technician: {"en": "technician", "de": "Techniker", "zh": "技术员"},
	access.Dispatcher: {"en": "dispatcher", "de": "Disponent", "zh": "调度员"},
	access.Planner:    {"en": "planner", "de": "Planer", "zh": "计划员"},
	access.Admin:      {"en": "administrator", "de": "Administrator", "zh": "管理员"},
}
