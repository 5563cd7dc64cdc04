//! Texts of the page about calls.

super::texts! {
    /// The ledger's sums.
    #[expect(clippy::struct_field_names, reason = "a text is called by what it says")]
    Calls {
        pace: "Calls per second", "每秒调用数";
        pace_window: "the last five minutes", "最近五分钟";
        pace_short: "The plot begins with the second whole second.", "启动两秒后开始显示曲线。";
        accepted: "accepted", "成功";
        not_accepted: "not accepted", "未成功";
        calls: "Calls", "调用";
        all: "All", "总数";
        under_way: "Under way", "进行中";
        accepted_calls: "Accepted", "成功";
        rejected: "Refused", "拒绝";
        throttled: "Throttled", "限频";
        faulted: "Failed on purpose", "故障注入";
        abandoned: "Caller gone", "调用方断开";
        data: "Reports and states", "数据与状态";
        reports: "Reports accepted", "已接受的数据";
        distinct: "Different ones", "不重复";
        sent_twice: "Sent again", "重复发送";
        inversions: "Older after newer", "乱序";
        overlapping: "Calls that overlapped", "重叠调用";
        states: "States accepted", "已接受的状态";
        forgotten: "Repeats no longer noticed", "不再识别重复的数据";
        by_action: "By action", "按接口";
        action: "Action", "接口";
        by_code: "Refused, by code", "拒绝（按错误码）";
        code: "Code", "错误码";
        no_refusals: "No call was refused.", "没有被拒绝的调用。";
        last_refusals: "The last refused calls", "最近被拒绝的调用";
        time: "Time", "时间";
        request_id: "RequestId", "RequestId";
        message: "Message", "信息";
        signatures: "Signatures that fitted, by reading", "签名通过（按嵌套方式）";
        nothing_nested: "nothing nested", "无嵌套";
        unknown_action: "unknown action", "未知接口";
    }
}
