//! Texts that are on every page.

super::texts! {
    /// The frame of a page, lists and times.
    Common {
        product: "Emberline sandbox", "Emberline 沙箱";
        subtitle: "Service console (stand-in)", "服务控制台（模拟）";
        skip: "Skip to content", "跳到正文";
        sections: "Sections", "栏目";
        language: "Language", "语言";
        service: "Service", "服务";
        customers: "Customers", "客户";
        orders: "Orders", "订单";
        bindings: "Bindings", "绑定";
        devices: "Devices", "设备";
        calls: "Calls", "调用";
        faults: "Faults", "故障";
        refresh: "Auto refresh", "自动刷新";
        refresh_off: "Off", "关";
        reload: "Reload", "刷新";
        as_of: "As of", "截至";
        faults_in_force: "Faults are in force: calls fail or are slow on purpose.",
            "故障开关已打开：调用会被有意延迟或失败。";
        faults_look: "Look at them", "查看";
        test_mark: "测试 / test", "测试 / test";
        formal_mark: "formal", "正式";
        yes: "yes", "是";
        no: "no", "否";
        none: "none", "无";
        unknown: "unknown", "未知";
        search: "Search", "搜索";
        clear_search: "Clear", "清除";
        shown: "Shown", "显示";
        of: "of", "/ 共";
        page: "Page", "页";
        previous: "Previous", "上一页";
        next: "Next", "下一页";
        pages: "Pages", "分页";
        too_far: "Only the first 200 pages can be turned to. Search to narrow the list down.",
            "只能翻到前 200 页，请用搜索缩小范围。";
        nothing_found: "Nothing fits this search.", "没有符合条件的内容。";
        ago_now: "just now", "刚刚";
        ago_seconds: "s ago", "秒前";
        ago_minutes: "min ago", "分钟前";
        ago_hours: "h ago", "小时前";
        ago_days: "d ago", "天前";
        lowest: "lowest", "最低";
        highest: "highest", "最高";
        last: "last", "最新";
        times_zone: "Times are in", "时区：";
        stand_in: "A stand-in for trying out and for tests. Nothing here is kept or insured.",
            "用于试用和测试的模拟服务：数据不落盘，也不产生任何保障。";
        not_found_title: "Not found", "未找到";
        not_found: "There is no such page. What it showed may be gone since the sandbox was started anew.",
            "没有这个页面；沙箱重启后原有内容可能已不存在。";
        refused_title: "Not done", "未执行";
        refused_stale: "The form was not sent from a page of this sandbox, or the sandbox was started anew since. Nothing was changed. Reload the page and send it again.",
            "该表单不是来自本沙箱的页面，或沙箱已重启。未作任何更改，请刷新页面后重试。";
        back: "Back to the service", "返回服务";
        done_published: "The service is published.", "服务已发布。";
        done_fault_added: "The fault is in force.", "故障已生效。";
        done_fault_removed: "The fault was removed.", "故障已移除。";
        done_fault_gone: "That fault was gone already; nothing was removed.", "该故障已不存在，未作更改。";
        done_delays: "The delays are in force.", "延迟设置已生效。";
        done_no_faults: "No faults are in force any more.", "所有故障已关闭。";
    }
}
