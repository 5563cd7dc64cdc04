//! Texts of the page with the fault switches.

super::texts! {
    /// The fault switches.
    #[expect(clippy::struct_field_names, reason = "a text is called by what it says")]
    Faults {
        intro: "What goes wrong on purpose, so that a caller can be seen coping with it. Changes take effect with the next call.",
            "有意制造故障，以观察调用方如何应对；更改从下一次调用起生效。";
        in_force: "In force", "生效中";
        none_in_force: "No faults: every call that is right is accepted at once.",
            "没有故障：正确的调用会立即被接受。";
        no_faults: "No faults", "关闭所有故障";
        remove: "Remove", "移除";
        remove_this: "Remove this fault:", "移除该故障：";
        order_hint: "The first rule that fits a call strikes.", "对一次调用，第一条匹配的规则生效。";
        more_rules: "More rules are in force than are shown here.", "还有更多规则未显示。";
        delays: "Delays", "延迟";
        latency: "Every call takes at least (ms)", "每次调用至少耗时（毫秒）";
        jitter: "and up to this much more (ms)", "再随机增加至多（毫秒）";
        answer_latency: "The answer is kept after acting for (ms)", "执行后推迟应答（毫秒）";
        delays_set: "Set the delays", "设置延迟";
        latency_word: "latency", "延迟";
        jitter_word: "jitter", "抖动";
        answer_latency_word: "answers kept", "推迟应答";
        quick: "Quick switches", "快捷开关";
        quick_signature: "Refuse every signature", "拒绝所有签名";
        quick_signature_text: "Every call is answered “Signature 无效”.", "所有调用都返回“Signature 无效”。";
        quick_throttle: "Slow down", "要求限频";
        quick_throttle_text: "429 with Retry-After 5 s to the next 20 calls.",
            "接下来 20 次调用返回 429，Retry-After 5 秒。";
        quick_share: "Fail one call in ten", "十次失败一次";
        quick_share_text: "503 to 10 % of all calls.", "10% 的调用返回 503。";
        quick_down: "Be down", "服务不可用";
        quick_down_text: "503 to every call.", "所有调用返回 503。";
        quick_hang: "Hang", "不应答";
        quick_hang_text: "No answer to the next 5 calls.", "接下来 5 次调用没有应答。";
        quick_doubt: "Leave in doubt", "结果不明";
        quick_doubt_text: "The next 5 calls are carried out, and their connection is reset.",
            "接下来 5 次调用会被执行，但连接被重置。";
        switch_on: "Switch on", "打开";
        add: "Add a fault", "添加故障";
        kind: "What happens", "故障类型";
        kind_status: "an HTTP status", "HTTP 状态码";
        kind_error: "an error code in the envelope", "业务错误码";
        kind_signature: "refused signature", "签名被拒绝";
        kind_throttle: "429 with Retry-After", "429 与 Retry-After";
        kind_raw: "a body of any text", "任意文本应答";
        kind_cut_body: "connection closed inside the body", "应答中途断开";
        kind_truncated_json: "JSON that ends in the middle", "JSON 不完整";
        kind_hang: "no answer", "不应答";
        kind_reset: "connection reset", "连接重置";
        status: "HTTP status, 200 to 599", "HTTP 状态码（200–599）";
        code: "Error code", "错误码";
        message: "Message", "错误信息";
        retry_after: "Retry-After, in seconds", "Retry-After（秒）";
        retry_after_date: "Send it as an HTTP date", "以 HTTP 日期形式发送";
        body: "Body", "应答内容";
        whom: "Which calls", "哪些调用";
        action: "Action", "接口";
        any_action: "any", "全部";
        device: "Only data and states of this device", "仅该设备的数据与状态";
        report_time: "Only calls with a report of this time (Unix seconds)",
            "仅含该上报时间的调用（Unix 秒）";
        share: "Share of such calls, in %", "命中比例（%）";
        times: "How many calls, then it is over (empty: no end)", "命中次数（留空：不限）";
        after_acting: "Carry the call out all the same, so that the caller is left in doubt",
            "仍然执行该调用，使调用方无法确定结果";
        after_acting_word: "carried out all the same", "仍会执行";
        add_button: "Put it in force", "使其生效";
        of_calls: "of calls", "的调用";
        every_call: "every call", "所有调用";
        next_calls: "calls left", "次剩余";
        no_end: "no end", "不限次数";
        device_word: "device", "设备";
        report_time_word: "report of", "上报时间";
        wrong_title: "Nothing was changed: correct the marked fields.",
            "未作任何更改：请更正标出的字段。";
        wrong_number: "A whole number from", "须为整数：";
        wrong_share: "A number above 0 and at most 100.", "须大于 0 且不超过 100。";
        wrong_code: "Name the error code.", "请填写错误码。";
        wrong_choice: "Choose one of the list.", "请选择列表中的一项。";
        wrong_long: "At most 2,000 characters.", "最多 2000 个字符。";
        wrong_full: "There are 100 faults in force already: remove some first.",
            "已有 100 条故障，请先移除一些。";
        json_hint: "The whole plan can be read and set as JSON at", "完整方案可用 JSON 读取和设置：";
    }
}
